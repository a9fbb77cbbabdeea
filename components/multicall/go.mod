module keelway.dev/keelway/components/multicall

go 1.25.0
