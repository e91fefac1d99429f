package spawn

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const path = "/v1.0/teamwork/workforceIntegrations"

func count(t *testing.T) int {
	response, err := http.Get(baseURL(t) + path)
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

func TestOneCreates(t *testing.T) {
	t.Parallel()
	response, err := http.Post(baseURL(t)+path, "application/json", strings.NewReader(`{"displayName":"Contoso"}`))
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatal(response, err)
	}
	response.Body.Close()
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
