module chaos

go 1.23

require github.com/holdfast/holdfast-go v0.0.0

replace github.com/holdfast/holdfast-go => ../../../../clients/go
