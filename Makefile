# A fresh Debian machine needs git and make; `make deps` gets the rest. Root is
# needed for deps (when something is missing), up, down, and the end-to-end tests.

VERSION ?= v1.37.0
UP ?=
BUNDLE := dist/keelway-bundle-$(VERSION)-linux-amd64.tar.zst

# The go command that go.mod asks for, wherever it is; `make deps` fetches it.
GO := $(shell tools/setup/toolchain.sh)
export PATH := $(if $(GO),$(GO):)$(PATH)
need-go = $(if $(GO),,$(error there is no Go as new as go.mod asks for: run `make deps` as root))
export CGO_ENABLED := 0
STAMP := $(shell tools/setup/version.sh)

.DEFAULT_GOAL := help
.PHONY: help up down build bundle test test-long bench lint deb docs deps kubeadm clean

up: deps ## make this machine a Kubernetes cluster, and prove that it answers
	@$(MAKE) --no-print-directory bundle
	bin/keelway up --kubernetes-version $(VERSION) $(UP)

down: ## remove exactly what `make up` made
	bin/keelway down --yes

build: ## compile bin/keelway
	$(need-go)go build -trimpath -ldflags "-s -w $(if $(STAMP),-X keelway.dev/keelway/internal/cli.version=$(STAMP))" -o bin/keelway .

bundle: build ## build the offline bundle in dist/ (VERSION=v1.36.3 for another Kubernetes)
	bin/keelway bundle build --kubernetes-version $(VERSION) --output $(BUNDLE)

test: deps ## run every check and test, the real cluster included
	@$(MAKE) --no-print-directory suite

test-long: ## the same with the race detector, every Kubernetes minor and what takes hours
	tools/setup/deps.sh
	@$(MAKE) --no-print-directory suite SUITE=-long

# SUITE="-only root" runs one step; SUITE=-list names them.
.PHONY: suite
suite:
	@$(need-go)go build -C tools -o ../bin/suite ./suite && bin/suite $(SUITE)

bench: bundle kubeadm ## measure Keelway beside the real kubeadm; writes dist/bench.json
	go build -trimpath -o bin/bench ./bench
	bin/bench --keelway bin/keelway --bundle $(BUNDLE) --kubeadm dist/compat/kubeadm --output dist/bench.json

lint: ## run golangci-lint
	$(need-go)go build -C tools -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	GOFLAGS=-trimpath bin/golangci-lint run ./...

deb: bundle ## build the Debian packages in dist/
	packaging/build.sh $(VERSION)

docs: build ## write docs/reference anew
	bin/keelway docs --dir docs/reference

deps: ## install what building and testing need and this machine lacks (root)
	@tools/setup/deps.sh

# The peers that tests and benchmarks compare Keelway with. kubeadm 1.36 is the
# last that reads v1beta3; the suite is upstream's own test of a kubeadm cluster.
KUBE := k8s.io/component-base/version
peer = go build -C $(1) -trimpath -ldflags "-s -w -X $(KUBE).gitVersion=$(2) -X $(KUBE).gitMajor=1 -X $(KUBE).gitMinor=$(3) -X $(KUBE).gitTreeState=clean" -o $(CURDIR)/dist/compat/$(4)
.PHONY: kubeadm-suite
kubeadm:
	$(need-go)$(call peer,compat,v1.37.0,37,kubeadm) ./kubeadm
	$(call peer,compat/v1.36,v1.36.3,36,kubeadm-v1.36) .

kubeadm-suite:
	$(need-go)go test -C compat/suite -c -trimpath -ldflags "-s -w" -o $(CURDIR)/dist/compat/e2e_kubeadm.test k8s.io/kubernetes/test/e2e_kubeadm

clean: ## remove what was built (not the cluster, not Go's own cache)
	rm -rf bin dist

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20
