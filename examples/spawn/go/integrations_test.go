package spawn

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const path = "/v1.0/teamwork/workforceIntegrations"

func count(t *testing.T) int {
	response, err := http.Get(world(t).URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var list struct{ Value []any }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list.Value)
}

func create(t *testing.T) {
	response, err := http.Post(world(t).URL+path, "application/json", strings.NewReader(`{"displayName":"Contoso"}`))
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatal(response, err)
	}
	response.Body.Close()
}

func TestOneCreates(t *testing.T) {
	t.Parallel()
	create(t)
	if found := count(t); found != 5 {
		t.Fatalf("found %d integrations, expected 5", found)
	}
}

func TestAnotherDoesNotSeeIt(t *testing.T) {
	t.Parallel()
	if found := count(t); found != 4 {
		t.Fatalf("found %d integrations, expected 4", found)
	}
}

func TestEachCaseHasItsOwnWorld(t *testing.T) {
	for _, name := range []string{"a/b", "a-b", "a b", "a b", "Tätig", "Tötig", strings.Repeat("x", 200)} {
		t.Run(name, func(t *testing.T) {
			create(t)
			if found := count(t); found != 5 {
				t.Fatalf("found %d integrations, expected 5", found)
			}
		})
	}
}

func TestEqualNames(t *testing.T) {
	for _, group := range []string{"early", "late"} {
		t.Run(group, func(t *testing.T) {
			t.Run("equal", func(t *testing.T) {
				t.Parallel()
				create(t)
				if found := count(t); found != 5 {
					t.Fatalf("found %d integrations, expected 5", found)
				}
			})
		})
	}
}

func TestTheVerbs(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.SetFaults("throttled", Object{"on": Object{"method": "PATCH"}, "do": "throttled-decimal"})
	if found := len(w.Faults()); found != 2 {
		t.Fatalf("found %d fault rules, expected 2", found)
	}
	w.SetFaults()
	create(t)
	w.Expect(Object{"method": "POST", "status": "201", "times": 1})
	if entries := w.Journal("method=POST"); len(entries) != 1 || entries[0].Status != http.StatusCreated {
		t.Fatalf("found %v", entries)
	}
	if text := w.Exchanges(); !strings.Contains(text, "HTTP 201") {
		t.Fatal(text)
	}
	w.SetState(Object{"workforceIntegrations": []any{}})
	if found := count(t); found != 0 {
		t.Fatalf("found %d integrations, expected none", found)
	}
	w.SetBehaviors(map[string]string{"unknown-property": "ignore"})
	frozen := false
	w.SetClock(Clock{Now: "2030-01-01T00:00:00Z", Running: &frozen})
	w.SetClock(Clock{Advance: 90})
	if clock := w.Clock(); clock.Now != "2030-01-01T00:01:30Z" {
		t.Fatalf("found %v", clock)
	}
	w.Reset()
	if found := count(t); found != 4 {
		t.Fatalf("found %d integrations, expected 4", found)
	}
	if w.State()["teamwork"] == nil {
		t.Fatal("the state has no integrations")
	}
}

// Reports what Expect does, without failing.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Error(arguments ...any) { r.failed = arguments[0].(string) }

func TestAnUnmetExpectationFails(t *testing.T) {
	w := *world(t)
	r := &recorder{TB: t}
	w.t = r
	w.Expect(Object{"method": "DELETE"})
	if !strings.Contains(r.failed, "DELETE") {
		t.Fatalf("found %q", r.failed)
	}
}

func get(t *testing.T, target string) {
	response, err := http.Get(world(t).URL + target)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

// docs/report.md: begin

func TestACleanClientPasses(t *testing.T) {
	get(t, "/v1.0/me?$select=displayName")
	world(t).AssertCleanClient(Rules{Allow: []string{"no-token-cache"}, Severity: "warning"})
}

// docs/report.md: end

func TestWhatAClientDoesWrongFailsItsTest(t *testing.T) {
	w := *world(t)
	r := &recorder{TB: t}
	w.t = r
	w.AssertCleanClient(Rules{})
	if !strings.HasPrefix(r.failed, "no requests to check") {
		t.Fatalf("found %q", r.failed)
	}
	get(t, "/beta/me")
	w.AssertCleanClient(Rules{})
	if !strings.HasPrefix(r.failed, "the client is not clean\n\nwarning: beta used where v1.0 has the operation [beta-used]\n") {
		t.Fatalf("found %q", r.failed)
	}
	for _, part := range []string{"request 1 GET /beta/me\n", "better: use v1.0", "source: https://", " in 1 request to the world "} {
		if !strings.Contains(r.failed, part) {
			t.Fatalf("expected %q, found %q", part, r.failed)
		}
	}
	if strings.Contains(r.failed, "no-token") {
		t.Fatalf("found a note in %q", r.failed)
	}
	w.AssertCleanClient(Rules{Allow: []string{"beta-used"}, Severity: "note"})
	if !strings.Contains(r.failed, "[no-token]") {
		t.Fatalf("found %q", r.failed)
	}
	r.failed = ""
	w.AssertCleanClient(Rules{Allow: []string{"beta-used", "polling"}})
	w.AssertCleanClient(Rules{Only: []string{"polling", "early-retry"}})
	w.AssertCleanClient(Rules{Severity: "error"})
	if r.failed != "" {
		t.Fatal(r.failed)
	}
	if found := w.Report(Rules{Only: []string{"beta-used"}}).Findings; len(found) != 1 || found[0].Rule != "beta-used" || found[0].Count != 1 {
		t.Fatalf("found %v", found)
	}
	if text := w.ReportText("sarif", Rules{}); !strings.Contains(text, `"version": "2.1.0"`) {
		t.Fatal(text)
	}
}
