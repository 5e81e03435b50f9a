package chain_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const isolatedEnv = "VITALSIGN_TEST_ISOLATED"

// TestMain runs every test of this package where no network exists: in a
// namespace of its own, in which not even loopback is up.
func TestMain(m *testing.M) {
	if os.Getenv(isolatedEnv) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), isolatedEnv+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "no network namespace here, tests run without:", err)
	os.Exit(m.Run())
}

func TestThereIsNoNetwork(t *testing.T) {
	if os.Getenv(isolatedEnv) == "" {
		t.Skip("no network namespace can be made here")
	}
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 {
			t.Errorf("%s is up", i.Name)
		}
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Error("loopback answers")
			c.Close()
		}
		l.Close()
	}
}
