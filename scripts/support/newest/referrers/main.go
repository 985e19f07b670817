// A registry with the referrers API, in memory, which neither Debian's nor the newest distribution has.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	quiet := registry.Logger(log.New(os.Stderr, "", 0))
	log.Fatal(http.ListenAndServe(os.Args[1], registry.New(registry.WithReferrersSupport(true), quiet)))
}
