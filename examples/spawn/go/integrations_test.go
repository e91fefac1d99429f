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

func create(t *testing.T) {
	response, err := http.Post(baseURL(t)+path, "application/json", strings.NewReader(`{"displayName":"Contoso"}`))
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
