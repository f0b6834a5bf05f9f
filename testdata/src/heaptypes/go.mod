module example.org/heaptypes

go 1.19
