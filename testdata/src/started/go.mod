module started

go 1.19
