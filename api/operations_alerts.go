package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes about alerts for the OpenAPI document.

const tagAlerts = "Alerts"

const (
	pathRules = "/v1/alert-rules"
	pathRule  = pathRules + "/{id}"
)

const exampleRule = `{"name":"Few purchases","watch":{"kind":"query","query":{"kind":"trends","series":[{"event":"purchase"}],"from":"-1h"},"is":"<","threshold":10},` +
	`"for":"5m","severity":"critical","channels":[{"name":"ops","kind":"webhook","url":"https://ops.example.com/alerts","secret":"a secret of 16 bytes or more"}]}`

func alertOperation(method, path, id, summary, description string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Tags: []string{tagAlerts}, Summary: summary, Description: description}
}

func getAlertRulesOperation() huma.Operation {
	return alertOperation(http.MethodGet, pathRules, "list-alert-rules", "All alert rules", "")
}

func getAlertRuleOperation() huma.Operation {
	return alertOperation(http.MethodGet, pathRule, "get-alert-rule", "One alert rule", "Secrets of channels are never shown.")
}

func deleteAlertRuleOperation() huma.Operation {
	return alertOperation(http.MethodDelete, pathRule, "delete-alert-rule", "Remove a rule",
		"Its alerts stay in the list; those that fire are over, and nobody is told.")
}

func testAlertRuleOperation() huma.Operation {
	op := alertOperation(http.MethodPost, pathRule+"/test", "test-alert-rule", "Send a test to the channels of a rule",
		"A message with `test: true` goes to each channel, on the same way as every other. GET /v1/alert-rules/{id}/deliveries tells how that went.")
	op.DefaultStatus = http.StatusAccepted
	return op
}

func getRuleDeliveriesOperation() huma.Operation {
	return alertOperation(http.MethodGet, pathRule+"/deliveries", "list-rule-deliveries", "What the channels of a rule were told, the newest first", "")
}

func getAlertsOperation() huma.Operation {
	return alertOperation(http.MethodGet, "/v1/alerts", "list-alerts", "What rules have found, newest first",
		"In pages: send `next_cursor` back as `cursor`.")
}

func getAlertDeliveriesOperation() huma.Operation {
	return alertOperation(http.MethodGet, "/v1/alerts/{id}/deliveries", "list-alert-deliveries", "What was told of an alert, and how that went",
		"In the order in which it is told.")
}

func postAlertRuleOperation(registry huma.Registry) *huma.Operation {
	op := alertOperation(http.MethodPost, pathRules, "create-alert-rule", "Make an alert rule",
		"The fields of `watch` go with its `kind`: query, churn, fraud, incident, drift or pipeline.")
	op.RequestBody = alertBody(schemaOf[AlertRuleInput](registry), exampleRule)
	op.Responses = responses(registry, http.StatusCreated, "The rule, without secrets.", jsonContent(schemaOf[AlertRule](registry)),
		http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable)
	return &op
}

func putAlertRuleOperation(registry huma.Registry) *huma.Operation {
	op := alertOperation(http.MethodPut, pathRule, "change-alert-rule", "Change an alert rule",
		"The whole rule is sent. A secret, or the address of Slack, that is left out stays as it is for the channel of the same name and kind; "+
			"a secret only while the address stays the same.")
	op.Parameters = ruleParameter()
	op.RequestBody = alertBody(schemaOf[AlertRuleInput](registry), exampleRule)
	op.Responses = responses(registry, http.StatusOK, "The rule, without secrets.", jsonContent(schemaOf[AlertRule](registry)),
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable)
	return &op
}

func silenceAlertRuleOperation(registry huma.Registry) *huma.Operation {
	op := alertOperation(http.MethodPost, pathRule+"/silence", "silence-alert-rule", "Silence a rule for a while",
		"Nobody is told that its alerts fire. What still fires at the end of the silence is told then; what was told before is told when it is resolved.")
	op.Parameters = ruleParameter()
	op.RequestBody = alertBody(schemaOf[AlertSilence](registry), `{"for":"2h"}`)
	op.Responses = responses(registry, http.StatusOK, "The rule.", jsonContent(schemaOf[AlertRule](registry)),
		http.StatusBadRequest, http.StatusNotFound, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable)
	return &op
}

func ruleParameter() []*huma.Param {
	return []*huma.Param{{Name: "id", In: "path", Required: true, Description: "Id of the rule.", Schema: &huma.Schema{Type: huma.TypeString}}}
}

func alertBody(schema *huma.Schema, example string) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema, Example: json.RawMessage(example)},
	}}
}
