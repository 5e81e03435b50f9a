package supervise

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// stageEnv says what this test's own program does when it is started by it.
const stageEnv = "VITALSIGN_TEST_OFFLINE"

func TestMain(m *testing.M) {
	switch os.Getenv(stageEnv) {
	case "enter":
		err := Offline([]string{os.Args[0]}, []string{stageEnv + "=inside"})
		os.Stderr.WriteString(err.Error())
		os.Exit(NotStarted)
	case "inside":
		if _, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
			os.Exit(3)
		}
		if _, err := net.Listen("unix", "@"+os.Args[0]); err != nil {
			os.Exit(4)
		}
		os.Exit(7)
	}
	os.Exit(m.Run())
}

// What a process becomes has no network, and what is no network is left alone.
func TestOffline(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the network can only be taken away on Linux")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), stageEnv+"=enter")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	if err := Offline([]string{"no-such-program"}, nil); err == nil {
		t.Error("a program that is not there was become")
	}
}
