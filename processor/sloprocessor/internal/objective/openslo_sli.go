// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"errors"
	"fmt"
	"math"
	"time"

	"gopkg.in/yaml.v3"
)

// sourceType is the type of a metric source whose specification has OTTL conditions.
const sourceType = "fathom"

type sliSpec struct {
	Description     string     `yaml:"description"`
	RatioMetric     *sliRatio  `yaml:"ratioMetric"`
	ThresholdMetric *sliMetric `yaml:"thresholdMetric"`
}

type sliRatio struct {
	Counter bool       `yaml:"counter"`
	Good    *sliMetric `yaml:"good"`
	Bad     *sliMetric `yaml:"bad"`
	Total   *sliMetric `yaml:"total"`
	RawType string     `yaml:"rawType"`
	Raw     *sliMetric `yaml:"raw"`
}

type sliMetric struct {
	MetricSource struct {
		MetricSourceRef string    `yaml:"metricSourceRef"`
		Type            string    `yaml:"type"`
		Spec            yaml.Node `yaml:"spec"`
	} `yaml:"metricSource"`
}

// condition is the specification of a source: a condition in OTTL on one signal.
type condition struct {
	Spans   *string `yaml:"spans"`
	Logs    *string `yaml:"logs"`
	Metrics *string `yaml:"metrics"`
}

func (m *sliMetric) condition() (condition, error) {
	var c condition
	if m == nil {
		return c, errors.New("is missing")
	}
	if t := m.MetricSource.Type; t != sourceType {
		return c, fmt.Errorf("metricSource.type: queries of %q cannot be mapped to what passes in a pipeline; write type: %s and in its spec an OTTL condition as spans, logs or metrics", t, sourceType)
	}
	return c, within("metricSource.spec", strict(&m.MetricSource.Spec, &c))
}

// indicator maps an SLI, written in the SLO or referred to.
func (o *OpenSLO) indicator(inline *inlineSLI, reference string, target sloObjective) (Indicator, error) {
	place, node := "indicator", (*yaml.Node)(nil)
	switch {
	case inline != nil && reference != "":
		return Indicator{}, errors.New("indicator: indicatorRef is there too; leave out one")
	case inline != nil:
		node = &inline.Spec
	default:
		d, found := o.others[[2]string{"SLI", reference}]
		if !found {
			return Indicator{}, fmt.Errorf("indicatorRef: there is no SLI %q in the files", reference)
		}
		place, node = d.String(), &d.Spec
	}
	var spec sliSpec
	if err := strict(node, &spec); err != nil {
		return Indicator{}, within(place, err)
	}
	var indicator Indicator
	var err error
	switch {
	case (spec.RatioMetric == nil) == (spec.ThresholdMetric == nil):
		err = errors.New("needs one of ratioMetric and thresholdMetric")
	case spec.RatioMetric != nil:
		indicator, err = spec.RatioMetric.indicator()
	default:
		indicator, err = spec.ThresholdMetric.indicator(target)
	}
	return indicator, within(place, err)
}

// indicator maps a ratio: total matches, and of that, bad, or what is not good.
func (r *sliRatio) indicator() (Indicator, error) {
	if r.Raw != nil || r.RawType != "" {
		return Indicator{}, errors.New("ratioMetric.raw: a ratio that is computed already cannot be mapped; write good or bad, and total")
	}
	if (r.Good == nil) == (r.Bad == nil) {
		return Indicator{}, errors.New("ratioMetric: needs one of good and bad")
	}
	total, totalErr := r.Total.condition()
	part, key, form := r.Bad, "bad", "%s"
	if r.Good != nil {
		part, key, form = r.Good, "good", "not (%s)"
	}
	bad, badErr := part.condition()
	if err := errors.Join(within("ratioMetric.total", totalErr), within("ratioMetric."+key, badErr)); err != nil {
		return Indicator{}, err
	}
	switch {
	case total.Spans != nil && bad.Spans != nil:
		return Indicator{Spans: &Spans{Match: *total.Spans, Bad: fmt.Sprintf(form, *bad.Spans)}}, nil
	case total.Logs != nil && bad.Logs != nil:
		return Indicator{Logs: &Logs{Match: *total.Logs, Bad: fmt.Sprintf(form, *bad.Logs)}}, nil
	}
	return Indicator{}, fmt.Errorf("ratioMetric: total and %s need conditions on the same signal, spans or logs", key)
}

// indicator maps a threshold on the value of a data point or on a span's duration in seconds.
func (m *sliMetric) indicator(target sloObjective) (Indicator, error) {
	c, err := m.condition()
	if err != nil {
		return Indicator{}, within("thresholdMetric", err)
	}
	if target.Value == nil {
		return Indicator{}, errors.New("thresholdMetric: the objective lacks op and value")
	}
	switch {
	case c.Spans != nil && target.Op == "lte":
		return Indicator{Spans: &Spans{Match: *c.Spans, SlowerThan: Duration(math.Round(*target.Value * float64(time.Second)))}}, nil
	case c.Metrics != nil && target.Op == "lte":
		return Indicator{Metrics: &Metrics{Match: *c.Metrics, Above: target.Value}}, nil
	case c.Metrics != nil && target.Op == "gte":
		return Indicator{Metrics: &Metrics{Match: *c.Metrics, Below: target.Value}}, nil
	}
	return Indicator{}, fmt.Errorf("thresholdMetric: op %q cannot be mapped; use lte on spans or metrics, or gte on metrics", target.Op)
}
