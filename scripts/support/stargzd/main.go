// stargzd serves the stargz snapshotter of Debian's Go packages to a containerd, over a unix socket. Test peer only: registries
// on the loopback are spoken to in plain HTTP.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	snapshots "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/contrib/snapshotservice"
	"github.com/containerd/containerd/reference"
	"github.com/containerd/containerd/remotes/docker"
	stargz "github.com/containerd/stargz-snapshotter/fs"
	"github.com/containerd/stargz-snapshotter/fs/config"
	"github.com/containerd/stargz-snapshotter/fs/layer"
	"github.com/containerd/stargz-snapshotter/fs/source"
	"github.com/containerd/stargz-snapshotter/snapshot"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
)

// registryHosts must set a Transport: the package dereferences it.
func registryHosts(ref reference.Spec) ([]docker.RegistryHost, error) {
	client := &http.Client{Transport: http.DefaultTransport}
	configure := docker.ConfigureDefaultRegistries(docker.WithClient(client), docker.WithPlainHTTP(docker.MatchLocalhost))
	return configure(ref.Hostname())
}

func serve(socket, root string) error {
	lazy, err := stargz.NewFilesystem(filepath.Join(root, "layers"), config.Config{},
		stargz.WithGetSources(source.FromDefaultLabels(registryHosts)),
		stargz.WithOverlayOpaqueType(layer.OverlayOpaqueTrusted))
	if err != nil {
		return fmt.Errorf("file system: %w", err)
	}
	snapshotter, err := snapshot.NewSnapshotter(context.Background(), filepath.Join(root, "snapshots"), lazy, snapshot.AsynchronousRemove)
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

func main() {
	socket := flag.String("address", "", "unix socket to listen on")
	root := flag.String("root", "", "folder for its state")
	version := flag.Bool("version", false, "print what this is")
	verbose := flag.Bool("verbose", false, "log what is fetched")
	flag.Parse()
	if *version {
		// A build outside of modules doesn't know what it is made of.
		version, _ := exec.Command("dpkg-query", "-W", "-f", "${Version}", "golang-github-containerd-stargz-snapshotter-dev").Output()
		fmt.Printf("stargzd, for tests, with the snapshotter %s\n", version)
		return
	}
	if *socket == "" || *root == "" {
		flag.Usage()
		os.Exit(2)
	}
	if *verbose {
		logrus.SetLevel(logrus.DebugLevel)
	}
	if err := serve(*socket, *root); err != nil {
		fmt.Fprintln(os.Stderr, "stargzd:", err)
		os.Exit(1)
	}
}
