// Does each operation of the control API with a client by oapi-codegen, and checks values of the answers.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"wfi-emulator/tests/openapi/go/control"
)

var (
	base      = os.Getenv("URL")
	connector = os.Getenv("CONNECTOR")
	seed      = os.Getenv("SEED")
)

// check ends the suite unless a value is the expected one.
func check(name string, found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		fmt.Printf("%s: found %#v, expected %#v\n", name, found, expected)
		os.Exit(1)
	}
}

// must returns a value, and ends the suite on an error.
func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

// ok returns the body of an answer of success.
func ok[T any](body *T, refusal *control.ErrorBody) T {
	if body == nil {
		fmt.Printf("no %T: %+v\n", body, refusal)
		os.Exit(1)
	}
	return *body
}

// refused checks the code of an error, which has a message.
func refused(refusal *control.ErrorBody, code string) {
	failure := ok(refusal, nil).Error
	check("code", failure.Code, code)
	check("message of "+code, failure.Message != "", true)
}

func to[T any](value T) *T { return &value }

// request sends a request without the client.
func request(method, url, contentType, body string) (int, []byte) {
	message := must(http.NewRequest(method, url, strings.NewReader(body)))
	if contentType != "" {
		message.Header.Set("Content-Type", contentType)
	}
	answer := must(http.DefaultClient.Do(message))
	defer answer.Body.Close()
	return answer.StatusCode, must(io.ReadAll(answer.Body))
}

func main() {
	ctx := context.Background()
	client := must(control.NewClientWithResponses(base))
	health := must(client.GetHealthWithResponse(ctx))
	check("health", ok(health.JSON200, health.JSON4XX).Status, control.HealthStatusOk)
	readiness := must(client.GetReadinessWithResponse(ctx))
	check("readiness", ok(readiness.JSON200, readiness.JSON4XX).Status, control.ReadinessStatusReady)
	about := must(client.GetEmulatorWithResponse(ctx))
	emulator := ok(about.JSON200, about.JSON4XX)
	check("seed", fmt.Sprint(emulator.Seed), seed)
	check("name", emulator.Name, "wfi-emulator")
	check("limit of worlds", emulator.Worlds.Limit, int64(10_000))
	check("configuration", emulator.Configuration["auth"], "open")
	reloaded := must(client.ReloadWithResponse(ctx))
	check("reload", ok(reloaded.JSON200, reloaded.JSON4XX).Faults, int64(1))
	shown := must(client.GetEvidenceWithResponse(ctx))
	evidence := ok(shown.JSON200, shown.JSON4XX)
	check("evidence", []bool{len(evidence.Behaviors) > 0, len(evidence.Refusals) > 0, len(evidence.Faults) > 0}, []bool{true, true, true})
	proxied := must(client.GetProxyWithResponse(ctx))
	proxy := ok(proxied.JSON200, proxied.JSON4XX)
	check("proxy", []int64{proxy.Refused, proxy.Tunnels, proxy.RefusedHosts["proxied.example"]}, []int64{1, 0, 1})

	// Seeds are whole: a named world has one that does not fit into 32 bits, and every digit arrives.
	labeling := must(client.CreateLabeledWorldWithResponse(ctx, control.LabeledWorldCreation{Label: to("suite::go"), Seed: to(int64(7))}))
	labeled := ok(labeling.JSON201, labeling.JSON4XX)
	check("seed of a labeled world", labeled.Seed, int64(7))
	check("URL of a labeled world", labeled.Url, base+"/_world/"+labeled.Name)
	create := func(name string, origin control.WorldCreation) control.World {
		created := must(client.CreateWorldWithResponse(ctx, name, origin))
		return ok(created.JSON201, created.JSON4XX)
	}
	const name = "tenant"
	tenant := create(name, control.WorldCreation{})
	check("seed above 32 bits", tenant.Seed > 1<<32 && tenant.Seed < 1<<53, true)
	read := must(client.GetWorldWithResponse(ctx, name))
	check("seed of a world that is read", ok(read.JSON200, read.JSON4XX).Seed, tenant.Seed)
	check("digits of the seed", bytes.Contains(read.Body, fmt.Appendf(nil, `"seed": %d,`, tenant.Seed)), true)
	check("seed of a twin", create("twin", control.WorldCreation{Seed: &tenant.Seed}).Seed, tenant.Seed)
	copied := create("copy", control.WorldCreation{Fork: to(name)})
	check("fixture of a copy", copied.Fixture, (*string)(nil))
	check("teams of a copy", copied.Entities["teams"], int64(2))
	refused(must(client.CreateWorldWithResponse(ctx, name, control.WorldCreation{})).JSON4XX, "world-exists")
	refused(must(client.GetWorldWithResponse(ctx, "absent")).JSON4XX, "unknown-world")
	list := func(params control.ListWorldsParams) (control.WorldList, []string) {
		listed := must(client.ListWorldsWithResponse(ctx, &params))
		var names []string
		for _, world := range ok(listed.JSON200, listed.JSON4XX).Worlds {
			names = append(names, world.Name)
		}
		return ok(listed.JSON200, listed.JSON4XX), names
	}
	first, names := list(control.ListWorldsParams{Limit: to(int64(2))})
	check("count of worlds", first.Count, int64(5))
	check("worlds of a page", names, []string{"default", "copy"})
	_, names = list(control.ListWorldsParams{After: first.Next, Search: to("TWI")})
	check("worlds that are found", names, []string{"twin"})
	_, names = list(control.ListWorldsParams{})
	check("worlds", names, []string{"default", "copy", labeled.Name, name, "twin"})

	exported := must(client.ExportStateWithResponse(ctx, name, &control.ExportStateParams{Secrets: to(true)}))
	state := ok(exported.JSON200, exported.JSON4XX)
	check("team", *(*state.Teams)[0].Id, "3d88b7a2-f988-4f4b-bb34-d66df66af126")
	importedState := must(client.ImportStateWithResponse(ctx, name, state))
	check("shifts", ok(importedState.JSON200, importedState.JSON4XX).Entities["shifts"], int64(78))
	collected := must(client.ExportCollectionWithResponse(ctx, name, "teams", nil))
	check("teams", len(ok(collected.JSON200, collected.JSON4XX).Value), 2)
	browsed := must(client.BrowseEntitiesWithResponse(ctx, name, &control.BrowseEntitiesParams{At: to("teams"), Limit: to(int64(1))}))
	page := ok(browsed.JSON200, browsed.JSON4XX)
	check("entities of a page", len(page.Entities), 1)
	edited := must(client.EditEntityWithResponse(ctx, name, &control.EditEntityParams{At: page.Entities[0].Path}, control.JsonObject{"description": "Edited"}))
	check("status of an edit", edited.StatusCode(), 204)
	integration := control.Entity{Id: to("WFI_1")}
	integration.Set("apiVersion", 1)
	integration.Set("isActive", true)
	integration.Set("url", connector)
	integration.Set("encryption", map[string]string{"protocol": "sharedSecret", "secret": strings.Repeat("s", 64)})
	imported := must(client.ImportCollectionWithResponse(ctx, name, "workforceIntegrations", control.Collection{Value: []control.Entity{integration}}))
	check("integrations", ok(imported.JSON200, imported.JSON4XX).Entities["workforceIntegrations"], int64(1))
	refused(must(client.ExportCollectionWithResponse(ctx, name, "bakeries", nil)).JSON4XX, "unknown-collection")

	before := must(client.GetBehaviorsWithResponse(ctx, name))
	check("behavior", ok(before.JSON200, before.JSON4XX)["update-response"], "entity")
	chosen := must(client.SetBehaviorsWithResponse(ctx, name, control.Behaviors{"update-response": "no-content", "device-code": "user"}))
	check("changed behavior", ok(chosen.JSON200, chosen.JSON4XX)["update-response"], "no-content")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	changed := must(client.SetClockWithResponse(ctx, name, control.ClockChange{Now: &start, Advance: to(1.5), Running: to(false)}))
	clock := ok(changed.JSON200, changed.JSON4XX)
	check("clock", clock, control.Clock{Now: start.Add(1500 * time.Millisecond), Running: false})
	current := must(client.GetClockWithResponse(ctx, name))
	check("clock that is read", ok(current.JSON200, current.JSON4XX), clock)

	effect := control.FaultEffect{
		Answer:     &control.FaultAnswer{Preset: to(control.FaultPresetThrottled)},
		RetryAfter: to("3"),
		Early:      to(control.EarlyRequestsAccept),
		Delay:      &control.Delay{Fixed: to(5.0)},
	}
	selector := control.RequestSelector{Method: &[]control.HttpMethod{control.HttpMethodPATCH}, Nth: to(int64(1))}
	busy := control.FaultRule{Name: to("busy"), On: &selector, Do: &effect}
	set := must(client.SetFaultsWithResponse(ctx, name, control.FaultRules{Rules: []control.FaultRule{busy}}))
	inForce := ok(set.JSON200, set.JSON4XX)
	check("seed of faults", inForce.Seed, tenant.Seed)
	check("selector", *inForce.Faults[0].On, selector)
	check("effect", inForce.Faults[0].Do, effect)
	conflict := control.FaultRule{
		On: &control.RequestSelector{Id: to("none")},
		Do: &control.FaultEffect{Answer: &control.FaultAnswer{Status: to(int32(409)), Code: to("conflict")}},
	}
	more := control.FaultRules{Rules: []control.FaultRule{{Preset: to(control.RulePresetPublishedLimits)}, conflict}}
	adding := must(client.AddFaultsWithResponse(ctx, name, more))
	added := ok(adding.JSON200, adding.JSON4XX).Faults
	check("number of rules", len(added), 6)
	check("limit", added[1].Do.Limit.Requests, int64(15_000))
	check("status of a rule", *added[5].Do.Answer.Status, int32(409))
	nothing := control.FaultRules{Rules: []control.FaultRule{{Name: to("no effect")}}}
	refused(must(client.SetFaultsWithResponse(ctx, name, nothing)).JSON4XX, "unusable")

	rename := func() int {
		status, _ := request("PATCH", tenant.Url+"/v1.0/teamwork/workforceIntegrations/WFI_1", "application/json", `{"displayName":"Renamed"}`)
		return status
	}
	statuses := []int{rename(), rename()}
	me, _ := request("GET", tenant.Url+"/v1.0/me", "", "")
	check("statuses of Graph", append(statuses, me), []int{429, 204, 200})
	counted := must(client.GetFaultsWithResponse(ctx, name))
	struck := ok(counted.JSON200, counted.JSON4XX).Faults[0]
	check("counts", []int64{struck.Seen, struck.Struck}, []int64{2, 1})
	check("cleared faults", must(client.ClearFaultsWithResponse(ctx, name)).StatusCode(), 204)

	filter := control.GetJournalParams{
		To:     to(control.DestinationGraph),
		Method: to("PATCH"),
		Status: to("2xx"),
		Since:  &start,
		Until:  to(start.AddDate(1, 0, 0)),
		After:  to(int64(1)),
		Limit:  to(int64(5)),
	}
	queried := must(client.GetJournalWithResponse(ctx, name, &filter))
	journal := ok(queried.JSON200, queried.JSON4XX)
	check("number of entries", len(journal.Entries), 1)
	entry := journal.Entries[0]
	check("numbers", []int64{journal.Count, entry.Number}, []int64{3, 2})
	check("status of an entry", *entry.Status, int32(204))
	check("via", entry.Via, (*string)(nil))
	check("body of a request", entry.Request.Body, any(map[string]any{"displayName": "Renamed"}))
	check("body of an answer", entry.Response.Body, nil)
	check("entity before", *entry.Before.Id, "WFI_1")
	displayName, _ := entry.After.Get("displayName")
	check("name after", displayName, "Renamed")
	check("time", entry.Time, clock.Now)
	whole := must(client.GetJournalWithResponse(ctx, name, nil))
	entries := ok(whole.JSON200, whole.JSON4XX).Entries
	check("faults of an entry", *entries[0].Faults, "busy")
	check("entity before a request that changes nothing", entries[2].Before, (*control.Entity)(nil))
	exchanges := must(client.GetExchangesWithResponse(ctx, name, &control.GetExchangesParams{Status: to("429")}))
	check("exchanges", bytes.Contains(exchanges.Body, []byte("PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1")), true)
	one := must(client.GetJournalWithResponse(ctx, name, &control.GetJournalParams{Number: &entry.Number}))
	check("entries of one number", len(ok(one.JSON200, one.JSON4XX).Entries), 1)
	reported := must(client.GetReportWithResponse(ctx, name, &control.GetReportParams{Only: to("early-retry")}))
	findings := ok(reported.JSON200, reported.JSON4XX)
	check("report", []any{findings.World, findings.Rules, findings.Requests}, []any{name, []string{"early-retry"}, int64(3)})
	least := control.Severity("error")
	severe := must(client.GetReportWithResponse(ctx, name, &control.GetReportParams{Only: to("early-retry,polling"), Severity: &least, Number: &entry.Number}))
	check("rules of errors", ok(severe.JSON200, severe.JSON4XX).Rules, []string{"early-retry"})
	events := must(client.FollowJournalsWithResponse(ctx, &control.FollowJournalsParams{World: to(name), Seconds: to(int64(0))}))
	check("events", bytes.HasPrefix(events.Body, []byte("data: {")) && bytes.Contains(events.Body, []byte("WFI_1")), true)
	verify := func(expectation control.Expectation) control.Verdict {
		verified := must(client.VerifyJournalWithResponse(ctx, name, expectation))
		return ok(verified.JSON200, verified.JSON4XX)
	}
	expected := control.Expectation{
		Method:  &[]string{"PATCH", "PUT"},
		Id:      to("WFI_1"),
		Status:  to("2xx"),
		Headers: &control.TextConditions{"If-Match": {Absent: to(true)}, "Content-Type": {Is: to("application/json")}},
		Body:    to[control.JsonValue](map[string]any{"displayName": map[string]string{"$like": "Ren*"}}),
		Times:   &control.Times{AtLeast: to(int64(1)), AtMost: to(int64(1))},
	}
	held := verify(expected)
	check("held", control.Verdict{Holds: held.Holds, Found: held.Found, Closest: held.Closest}, control.Verdict{Holds: true, Found: []int64{2}})
	expected.Status, expected.Times = to("404"), nil
	failed := verify(expected)
	check("failed", control.Verdict{Holds: failed.Holds, Found: failed.Found, Closest: failed.Closest}, control.Verdict{Found: []int64{}, Closest: to(int64(2))})
	steps := []control.ExpectedRequest{{Method: &[]string{"PATCH"}}, {Method: &[]string{"GET"}, Path: to("/v1.0/me")}}
	check("in order", verify(control.Expectation{InOrder: &steps, Within: to(1.0)}).Holds, true)

	called := must(client.CallConnectorWithResponse(ctx, name, control.ConnectorCall{Integration: "WFI_1", Purpose: control.ConnectorPurposeUpdate, Retries: to(int32(0))}))
	report := ok(called.JSON200, called.JSON4XX)
	check("passes", report.Passes, false)
	check("status of a connector", *report.Calls[0].Status, int32(500))
	check("answer of a connector", *report.Calls[0].Answer, "out of order")
	performed := must(client.PerformActWithResponse(ctx, name, control.Act{Do: control.ActKindApprove, Request: to("SREQ_40f71e21-4259-53e0-bc36-bb3d025265f1")}))
	act := ok(performed.JSON200, performed.JSON4XX)
	check("act", act.Act, control.ActKindApprove)
	check("status of an act", *act.Status, int32(204))
	check("method of an act", act.Request.Method, "POST")
	var timesOff []string
	for _, change := range act.Changes {
		if change.Before == nil {
			timesOff = append(timesOff, change.Path)
			check("new item", change.After.Id != nil, true)
		}
	}
	check("new items", len(timesOff) == 1 && strings.Contains(timesOff[0], "/timesOff/"), true)

	revoked := must(client.RevokeSignInsWithResponse(ctx, name, control.RevocationRequest{}))
	check("valid from", ok(revoked.JSON200, revoked.JSON4XX).ValidFrom, clock.Now)
	form := url.Values{"client_id": {"app"}, "scope": {"openid"}}.Encode()
	_, text := request("POST", tenant.Url+"/contoso.com/oauth2/v2.0/devicecode", "application/x-www-form-urlencoded", form)
	var device struct {
		UserCode string `json:"user_code"`
	}
	must(0, json.Unmarshal(text, &device))
	decided := must(client.DecideDeviceWithResponse(ctx, name, control.DeviceDecision{UserCode: device.UserCode, Decision: control.DecisionApprove}))
	check("code", ok(decided.JSON200, decided.JSON4XX).UserCode, device.UserCode)
	refusal := must(client.RefuseSignInsWithResponse(ctx, name, control.SignInRefusal{Refusal: "entra-mfa", Times: to(int32(2))}))
	check("refusal", ok(refusal.JSON200, refusal.JSON4XX), control.RefusedSignIn{Refusal: "entra-mfa", Status: 400, Times: 2})

	check("cleared journal", must(client.ClearJournalWithResponse(ctx, name)).StatusCode(), 204)
	reset := must(client.ResetWorldWithResponse(ctx, name))
	check("requests after a reset", ok(reset.JSON200, reset.JSON4XX).Requests, int64(0))
	check("dropped world", must(client.DropWorldWithResponse(ctx, name)).StatusCode(), 204)
}
