// The core of the Graph SDK for Go, with Kiota's HTTP stack and azidentity.
//
// The typed SDK takes many minutes to compile; `../go-typed` uses it, outside CI. Here a generic model stands in for its models.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotaauth "github.com/microsoft/kiota-authentication-azure-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)
