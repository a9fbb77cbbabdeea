package main

import "slices"

// kubernetes is the version whose bundle and peer the tests use.
const kubernetes = "v1.37.0"

// flags let every step and the build of bin/keelway share one compilation.
func flags() []string { return []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath"} }

// steps are the run, in order: what is quick first, what others need before them.
func steps(long bool) []step {
	all := []step{
		{
			name: "build", why: "bin/keelway",
			argv: []string{"make", "--no-print-directory", "build"},
		},
		{
			name: "bundle", why: "the offline bundle of Kubernetes " + kubernetes,
			argv: []string{"make", "--no-print-directory", "bundle", "VERSION=" + kubernetes},
		},
		{
			name: "peer", why: "the real kubeadm and its own suite, which tests compare Keelway with",
			argv: []string{"make", "--no-print-directory", "kubeadm", "kubeadm-suite"},
		},
		{
			name: "check", why: "format, modules, vet, lint, generated files, documents",
			dir: "tools", argv: goTest("45m", "./..."), env: flags(), tests: true,
		},
		{
			name: "root", why: "unit, golden and integration tests of the root module",
			argv: goTest("20m", "./internal/...", "./bench/...", "."), tests: true,
			env: append([]string{"KEELWAY_BUNDLE={root}/dist/keelway-bundle-" + kubernetes + "-linux-amd64.tar.zst", "KEELWAY_KUBEADM={root}/dist/compat/kubeadm"}, flags()...),
		},
		{
			name: "compat", why: "our files, read by upstream's own code",
			dir: "compat", argv: goTest("30m", "./..."), env: flags(), tests: true,
		},
		{
			name: "nested", why: "tests of the components' own programs",
			dir: "components/install-cni", argv: goTest("5m", "./..."), env: flags(), tests: true,
		},
		{
			name: "e2e", why: "a real cluster on this machine, end to end",
			argv: append(goTest("80m", "-p=1"), "./e2e/..."), tests: true, each: true, root: true,
			env: endToEnd(),
		},
	}
	if !long {
		return all
	}
	for i := range all {
		all[i].env = append(slices.Clip(all[i].env), "KEELWAY_LONG=1")
		switch all[i].name {
		case "root":
			all[i].argv = goTest("60m", "-race", "./internal/...", "./bench/...", ".")
			all[i].env = append(all[i].env, "CGO_ENABLED=1")
		case "e2e":
			all[i].argv = goTest("6h", "-p=1", "./e2e/...")
		}
	}
	for _, other := range []string{"v1.36.3", "v1.35.4"} {
		all = slices.Insert(all, 3, step{
			name: "bundle-" + other, why: "the offline bundle of Kubernetes " + other,
			argv: []string{"make", "--no-print-directory", "bundle", "VERSION=" + other},
		})
	}
	return all
}

func goTest(timeout string, rest ...string) []string {
	return append([]string{"go", "test", "-json", "-count=1", "-timeout=" + timeout}, rest...)
}

// endToEnd is what the tests of a real cluster read.
func endToEnd() []string {
	return append([]string{
		"KEELWAY_E2E=1",
		"KEELWAY_BIN={root}/bin/keelway",
		"KEELWAY_BUNDLE={root}/dist/keelway-bundle-" + kubernetes + "-linux-amd64.tar.zst",
		"KEELWAY_KUBEADM={root}/dist/compat/kubeadm",
		"KEELWAY_KUBEADM_V1_36={root}/dist/compat/kubeadm-v1.36",
		"KEELWAY_KUBEADM_SUITE={root}/dist/compat/e2e_kubeadm.test",
	}, flags()...)
}
