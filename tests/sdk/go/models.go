package main

import (
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
)

// integration is a workforceIntegration, in the form in which Kiota generates models.
type integration struct {
	id, displayName, supportedEntities *string
	apiVersion                         *int32
	encryption                         *encryption
}

type encryption struct {
	protocol, secret *string
}

// page is a page of the collection.
type page struct {
	value    []*integration
	nextLink *string
}

// graphError is the body of an error of Graph.
type graphError struct {
	abstractions.ApiError
	code string
}

// mainError is the member `error` of a graphError.
type mainError struct {
	code *string
}

var errorMappings = abstractions.ErrorMappings{"4XX": newGraphError, "5XX": newGraphError}

func text(value string) *string { return &value }
func number(value int32) *int32 { return &value }

type parseNode = serialization.ParseNode
type readers = map[string]func(parseNode) error

func newIntegration(parseNode) (serialization.Parsable, error) { return &integration{}, nil }
func newEncryption(parseNode) (serialization.Parsable, error)  { return &encryption{}, nil }
func newPage(parseNode) (serialization.Parsable, error)        { return &page{}, nil }
func newMainError(parseNode) (serialization.Parsable, error)   { return &mainError{}, nil }
func newGraphError(parseNode) (serialization.Parsable, error) {
	return &graphError{ApiError: *abstractions.NewApiError()}, nil
}

// reader returns a parser that stores a string.
func reader(place **string) func(parseNode) error {
	return func(node parseNode) (err error) {
		*place, err = node.GetStringValue()
		return err
	}
}

func (i *integration) GetFieldDeserializers() readers {
	return readers{
		"id":                reader(&i.id),
		"displayName":       reader(&i.displayName),
		"supportedEntities": reader(&i.supportedEntities),
		"apiVersion": func(node parseNode) (err error) {
			i.apiVersion, err = node.GetInt32Value()
			return err
		},
		"encryption": func(node parseNode) error {
			value, err := node.GetObjectValue(newEncryption)
			if value != nil {
				i.encryption = value.(*encryption)
			}
			return err
		},
	}
}

func (i *integration) Serialize(writer serialization.SerializationWriter) error {
	// The models of the SDK name their type in each body.
	if err := writer.WriteStringValue("@odata.type", text("#microsoft.graph.workforceIntegration")); err != nil {
		return err
	}
	for name, value := range map[string]*string{"id": i.id, "displayName": i.displayName, "supportedEntities": i.supportedEntities} {
		if err := writer.WriteStringValue(name, value); err != nil {
			return err
		}
	}
	if err := writer.WriteInt32Value("apiVersion", i.apiVersion); err != nil {
		return err
	}
	if i.encryption == nil {
		return nil
	}
	return writer.WriteObjectValue("encryption", i.encryption)
}

func (e *encryption) GetFieldDeserializers() readers {
	return readers{"protocol": reader(&e.protocol), "secret": reader(&e.secret)}
}

func (e *encryption) Serialize(writer serialization.SerializationWriter) error {
	if err := writer.WriteStringValue("protocol", e.protocol); err != nil {
		return err
	}
	return writer.WriteStringValue("secret", e.secret)
}

func (p *page) GetValue() []*integration  { return p.value }
func (p *page) GetOdataNextLink() *string { return p.nextLink }

func (p *page) GetFieldDeserializers() readers {
	return readers{
		"@odata.nextLink": reader(&p.nextLink),
		"value": func(node parseNode) error {
			items, err := node.GetCollectionOfObjectValues(newIntegration)
			for _, item := range items {
				p.value = append(p.value, item.(*integration))
			}
			return err
		},
	}
}

func (p *page) Serialize(serialization.SerializationWriter) error { return nil }

func (e *graphError) GetFieldDeserializers() readers {
	return readers{"error": func(node parseNode) error {
		value, err := node.GetObjectValue(newMainError)
		if value != nil && value.(*mainError).code != nil {
			e.code = *value.(*mainError).code
		}
		return err
	}}
}

func (e *graphError) Serialize(serialization.SerializationWriter) error { return nil }

func (m *mainError) GetFieldDeserializers() readers { return readers{"code": reader(&m.code)} }

func (m *mainError) Serialize(serialization.SerializationWriter) error { return nil }
