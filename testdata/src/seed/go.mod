module acme.dev/fixtures/seed

go 1.19
