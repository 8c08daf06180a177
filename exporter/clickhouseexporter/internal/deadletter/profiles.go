// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"go.opentelemetry.io/collector/pdata/pprofile"
)

// Profiles is an excerpt of samples, with all that samples refer to.
func Profiles(all pprofile.Profiles) Excerpt {
	return func(from, to int) ([]byte, error) {
		some := pprofile.NewProfiles()
		all.CopyTo(some)
		at := -1
		for _, resourceProfiles := range some.ResourceProfiles().All() {
			for _, scopeProfiles := range resourceProfiles.ScopeProfiles().All() {
				scopeProfiles.Profiles().RemoveIf(func(p pprofile.Profile) bool {
					p.Samples().RemoveIf(func(pprofile.Sample) bool {
						at++
						return at < from || at >= to
					})
					return p.Samples().Len() == 0
				})
			}
			resourceProfiles.ScopeProfiles().RemoveIf(func(s pprofile.ScopeProfiles) bool { return s.Profiles().Len() == 0 })
		}
		some.ResourceProfiles().RemoveIf(func(r pprofile.ResourceProfiles) bool { return r.ScopeProfiles().Len() == 0 })
		return new(pprofile.JSONMarshaler).MarshalProfiles(some)
	}
}
