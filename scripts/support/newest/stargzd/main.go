// stargzd serves the newest stargz snapshotter to a containerd, over a unix socket, as its daemon does: the daemon's own module can't be
// had by name. Test peer only: registries on the loopback are spoken to in plain HTTP.
//
//	stargzd --address SOCKET --root FOLDER [--config JSON]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	snapshots "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/log"
	"github.com/containerd/stargz-snapshotter/service"
	"google.golang.org/grpc"
)

func registryHosts(ref reference.Spec) ([]docker.RegistryHost, error) {
	client := &http.Client{Transport: http.DefaultTransport}
	return docker.ConfigureDefaultRegistries(docker.WithClient(client), docker.WithPlainHTTP(docker.MatchLocalhost))(ref.Hostname())
}

func serve(socket, root string, config *service.Config) error {
	snapshotter, err := service.NewStargzSnapshotterService(context.Background(), root, config, service.WithCustomRegistryHosts(registryHosts))
	if err != nil {
		return fmt.Errorf("snapshotter: %w", err)
	}
	defer snapshotter.Close()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	snapshots.RegisterSnapshotsServer(server, snapshotservice.FromSnapshotter(snapshotter))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-stop
		server.Stop()
	}()
	return server.Serve(listener)
}

// library is the version of the snapshotter in this program.
func library() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown version"
	}
	for _, each := range build.Deps {
		if each.Path == "github.com/containerd/stargz-snapshotter" {
			return each.Version
		}
	}
	return "of an unknown version"
}

func run() error {
	socket := flag.String("address", "", "unix socket to listen on")
	root := flag.String("root", "", "folder for its state")
	settings := flag.String("config", "{}", "settings of the snapshotter, as JSON with the names of its configuration file")
	version := flag.Bool("version", false, "print what this is")
	verbose := flag.Bool("verbose", false, "log what is fetched")
	flag.Parse()
	if *version {
		fmt.Println("stargzd, for tests, with the snapshotter", library())
		return nil
	}
	if *socket == "" || *root == "" {
		flag.Usage()
		os.Exit(2)
	}
	if *verbose {
		if err := log.SetLevel("debug"); err != nil {
			return err
		}
	}
	var config service.Config
	if err := json.Unmarshal([]byte(*settings), &config); err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	return serve(*socket, *root, &config)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stargzd:", err)
		os.Exit(1)
	}
}
