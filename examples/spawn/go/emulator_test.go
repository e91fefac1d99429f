package spawn

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Ready is what the emulator prints when it listens.
type Ready struct {
	URL     string `json:"url"`
	Control string `json:"control"`
}

var emulator Ready

// TestMain starts one emulator for all tests of the package.
func TestMain(m *testing.M) {
	program := os.Getenv("WFI_EMULATOR")
	if program == "" {
		program = "wfi-emulator"
	}
	command := exec.Command(program, "--port", "0", "--ready", "json", "--exit-with-parent", "--log", "off")
	command.Stderr = os.Stderr
	// The pipe to its standard input is what ties its life to ours.
	input, _ := command.StdinPipe()
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		panic(err)
	}
	if err := json.NewDecoder(output).Decode(&emulator); err != nil {
		panic(program + " has not become ready: " + err.Error())
	}
	status := m.Run()
	input.Close()
	command.Wait()
	os.Exit(status)
}

var worlds sync.Map

// baseURL returns the base URL of a test's own world. The emulator completes the label, so that no two tests share one.
func baseURL(t *testing.T) string {
	if url, ok := worlds.Load(t); ok {
		return url.(string)
	}
	body, _ := json.Marshal(map[string]string{"label": t.Name()})
	response, err := http.Post(emulator.Control+"/worlds", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var world Ready
	if err := json.NewDecoder(response.Body).Decode(&world); err != nil {
		t.Fatal(err)
	}
	worlds.Store(t, world.URL)
	t.Cleanup(func() { worlds.Delete(t) })
	return world.URL
}
