module keelway.dev/keelway/components/install-cni

go 1.25.0
