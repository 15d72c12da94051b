package api

import (
	"errors"
	"net/http"
	"slices"

	"millrace/internal/churn"
	"millrace/oltp"
)

// isModelError tells whether problemOfModel knows the error.
func isModelError(err error) bool {
	known := []error{oltp.ErrNoModel, oltp.ErrUnknownModel, oltp.ErrTraining, churn.ErrOtherFeatures}
	return slices.ContainsFunc(known, func(e error) bool { return errors.Is(err, e) })
}

// problemOfModel is for what a model is not, yet or any more.
func problemOfModel(err error) *Problem {
	switch {
	case errors.Is(err, oltp.ErrNoModel):
		return newProblem(http.StatusConflict, codeModelNotTrained,
			`No version of this model is in use yet. Train one with "millrace train churn" or POST /v1/models/churn/train; it takes a few weeks of events.`)
	case errors.Is(err, churn.ErrOtherFeatures):
		return because(err, newProblem(http.StatusConflict, codeModelOutdated,
			"The version in use was trained by another millrace and needs what this one does not compute. Train a new version, or put another one to use."))
	case errors.Is(err, oltp.ErrTraining):
		return newProblem(http.StatusConflict, codeTrainingUnderWay,
			"A training of this model is under way. GET /v1/models shows how far it is.")
	}
	return newProblem(http.StatusNotFound, codeUnknownModel,
		"There is no such version of this model. GET /v1/models lists those that there are.")
}
