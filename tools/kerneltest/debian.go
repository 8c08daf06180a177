// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kernel is one of Debian's.
type kernel struct {
	series string // such as 6.1
	name   string // such as 6.1.0-56-cloud-amd64
	image  string // path of the file to boot
}

// suite is where Debian has the kernels of a series.
type suite struct {
	archive string // as the last element of a repository's address
	name    string
}

// suites by series: of the release that came with it. Debian 12's backports have
// 6.12, too, which its own qemu does not run for long.
var suites = map[string]suite{
	"5.10": {"debian-security", "bullseye-security"},
	"6.1":  {"debian-security", "bookworm-security"},
}

// fetchTimeout is for asking Debian and for all downloads.
const fetchTimeout = 5 * time.Minute

// kernels are the newest of each series that Debian has. Where it cannot be asked,
// they are those that were fetched before.
func kernels(ctx context.Context, folder string, series []string) ([]kernel, error) {
	bounded, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	found, err := fetch(bounded, folder, series)
	if err == nil || ctx.Err() != nil {
		return found, err
	}
	cache, cacheErr := cacheFolder()
	if cacheErr != nil {
		return nil, errors.Join(err, cacheErr)
	}
	found = nil
	for _, s := range series {
		k, ok := cached(cache, s)
		if !ok {
			return nil, fmt.Errorf("%w\nno kernel of series %s was fetched before: run without it, such as make test-kernels KERNELS=6.1, or put an image into %s", err, s, cache)
		}
		found = append(found, k)
	}
	fmt.Printf("Debian cannot be asked, so the kernels are those that were fetched before: %v\n", err)
	return found, nil
}

// cacheFolder has the images that were fetched, by the kernels' names.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "fathom", "kernels"), err
}

// cached is the newest kernel of a series in a folder.
func cached(folder, series string) (kernel, bool) {
	images, err := filepath.Glob(filepath.Join(folder, series+".*"))
	if err != nil || len(images) == 0 {
		return kernel{}, false
	}
	image := slices.MaxFunc(images, func(a, b string) int { return slices.Compare(numbers(filepath.Base(a)), numbers(filepath.Base(b))) })
	return kernel{series: series, name: filepath.Base(image), image: image}, true
}

// fetch downloads the newest kernel of each series and takes its image out.
// What was fetched once is kept in the user's cache.
func fetch(ctx context.Context, folder string, series []string) ([]kernel, error) {
	a, err := newApt(ctx, folder, series)
	if err != nil {
		return nil, err
	}
	var found []kernel
	for _, s := range series {
		k, err := a.kernel(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("a kernel of series %s: %w", s, err)
		}
		found = append(found, k)
	}
	return found, nil
}

// apt is Debian's package manager with sources of its own: nothing of the
// machine's own state changes.
type apt struct {
	folder  string
	options []string
}

func newApt(ctx context.Context, folder string, series []string) (*apt, error) {
	repositories, err := repositories(ctx)
	if err != nil {
		return nil, err
	}
	list := ""
	for _, s := range series {
		from, ok := suites[s]
		if !ok {
			return nil, fmt.Errorf("no suite is known to have kernels of series %s", s)
		}
		address, ok := repositories[from.archive]
		if !ok {
			return nil, fmt.Errorf("this machine's package sources have no archive %s", from.archive)
		}
		list += fmt.Sprintf("deb [arch=amd64] %s %s main\n", address, from.name)
	}
	for _, below := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(folder, below), 0o755); err != nil {
			return nil, err
		}
	}
	sources := filepath.Join(folder, "sources.list")
	if err := os.WriteFile(sources, []byte(list), 0o644); err != nil {
		return nil, err
	}
	a := &apt{folder: folder, options: []string{
		"-o", "Dir::Etc::sourcelist=" + sources, "-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::State::lists=" + filepath.Join(folder, "lists"), "-o", "Dir::Cache=" + folder,
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "-o", "Acquire::Languages=none",
		"-o", "Acquire::http::Timeout=30", "-o", "APT::Update::Error-Mode=any", // else update succeeds without a network
	}}
	_, err = a.run(ctx, "apt-get", "update", "-qq")
	return a, err
}

func (a *apt) run(ctx context.Context, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, append(slices.Clone(a.options), arguments...)...)
	command.Dir = a.folder
	command.WaitDelay = 10 * time.Second // for processes that apt has started
	output, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return string(output), nil
}

// repositories are those of the machine's own package sources, by archive.
func repositories(ctx context.Context) (map[string]string, error) {
	output, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return nil, fmt.Errorf("asking apt-get for its sources: %w", err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(output)) {
		address := strings.TrimRight(line, "/\n")
		found[address[strings.LastIndex(address, "/")+1:]] = address
	}
	return found, nil
}

// kernel fetches the newest kernel of a series that the archive has.
func (a *apt) kernel(ctx context.Context, series string) (kernel, error) {
	names, err := a.run(ctx, "apt-cache", "pkgnames", "linux-image-"+series+".")
	if err != nil {
		return kernel{}, err
	}
	errs := []error{errors.New("no package")}
	for _, name := range newest(names) {
		k, err := a.download(ctx, series, name)
		if err == nil {
			return k, nil
		}
		errs = append(errs, err)
	}
	return kernel{}, errors.Join(errs...)
}

func (a *apt) download(ctx context.Context, series, name string) (kernel, error) {
	cache, err := cacheFolder()
	if err != nil {
		return kernel{}, err
	}
	k := kernel{series: series, name: strings.TrimPrefix(name, "linux-image-")}
	k.image = filepath.Join(cache, k.name)
	if _, err := os.Stat(k.image); err == nil {
		return k, nil
	}
	if _, err := a.run(ctx, "apt-get", "download", "-qq", name); err != nil {
		return kernel{}, err
	}
	packages, err := filepath.Glob(filepath.Join(a.folder, name+"_*.deb"))
	if err != nil || len(packages) != 1 {
		return kernel{}, fmt.Errorf("downloading %s left %d packages: %w", name, len(packages), err)
	}
	return k, takeImage(ctx, packages[0], k)
}

// takeImage takes the kernel out of its package.
func takeImage(ctx context.Context, from string, k kernel) error {
	if err := os.MkdirAll(filepath.Dir(k.image), 0o755); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(k.image), "partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	unpack := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", from)
	extract := exec.CommandContext(ctx, "tar", "-xO", "./boot/vmlinuz-"+k.name)
	extract.Stdout = partial
	if extract.Stdin, err = unpack.StdoutPipe(); err != nil {
		return err
	}
	if err := errors.Join(unpack.Start(), extract.Run(), unpack.Wait(), partial.Close()); err != nil {
		return fmt.Errorf("taking the kernel out of %s: %w", filepath.Base(from), err)
	}
	return os.Rename(partial.Name(), k.image)
}

// newest are the names of packages with a kernel for virtual machines, the
// newest first.
func newest(names string) []string {
	var found []string
	scanner := bufio.NewScanner(strings.NewReader(names))
	for scanner.Scan() {
		if cloudKernel.MatchString(scanner.Text()) {
			found = append(found, scanner.Text())
		}
	}
	slices.SortFunc(found, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
	return found
}

var (
	cloudKernel = regexp.MustCompile(`^linux-image-[0-9.]+-[0-9]+-cloud-amd64$`)
	digits      = regexp.MustCompile(`[0-9]+`)
)

// numbers of a version.
func numbers(name string) []int {
	var all []int
	for _, text := range digits.FindAllString(name, -1) {
		n, _ := strconv.Atoi(text) // what is too long sorts first
		all = append(all, n)
	}
	return all
}
