package lambdatest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxPayload is the largest event or reply of a synchronous invocation, in bytes.
const maxPayload = 6 << 20

// serveInvoke answers the Invoke API for synchronous invocations.
func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		refuse(w, http.StatusForbidden, "MissingAuthenticationTokenException", "the request is not signed")
		return
	}
	if kind := r.Header.Get("X-Amz-Invocation-Type"); kind != "" && kind != "RequestResponse" {
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", "only RequestResponse is served, not "+kind)
		return
	}
	f := s.function(r.PathValue("name"))
	if f == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+r.PathValue("name"))
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", "the event is over 6 MB")
		return
	}
	if err == nil && len(payload) > 0 && !json.Valid(payload) {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "the event is not JSON")
		return
	}
	reply, functionError, err := f.Invoke(r.Context(), payload)
	if err != nil {
		refuse(w, http.StatusBadGateway, "ServiceException", err.Error())
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	if functionError != "" {
		w.Header().Set("X-Amz-Function-Error", functionError)
	}
	_, _ = w.Write(reply) // a caller that has gone needs no answer
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message})
}
