module keelway.dev/keelway/components/kubernetes/generate

go 1.25.0
