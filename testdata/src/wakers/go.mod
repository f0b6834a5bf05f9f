module acme.dev/fixtures/wakers

go 1.24
