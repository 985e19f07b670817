// Reads manifests, as YAML, and prints what Kubernetes' API server would find wrong with each, a line a fault: by its own decoder, to which a field
// that it doesn't know is an error, and its own validation; custom resources by the schema of their definition. The arguments are files with such
// definitions.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	custom "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	documents "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsrules "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corerules "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkrules "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/capabilities"
	"sigs.k8s.io/yaml"
)

func main() {
	// As clusters have it: what records is privileged.
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
	definitions := map[string]*extensions.JSONSchemaProps{}
	for _, file := range os.Args[1:] {
		if err := readDefinition(file, definitions); err != nil {
			log.Fatal(err)
		}
	}
	reader := documents.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, fault := range faultsIn(document, definitions) {
			fmt.Println(fault)
		}
	}
}

// By `group/version/kind`.
func readDefinition(file string, definitions map[string]*extensions.JSONSchemaProps) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var definition extensions.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		name := fmt.Sprintf("%s/%s/%s", definition.Spec.Group, version.Name, definition.Spec.Names.Kind)
		definitions[name] = version.Schema.OpenAPIV3Schema
	}
	return nil
}

func faultsIn(document []byte, definitions map[string]*extensions.JSONSchemaProps) []string {
	var named struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &named); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	var err error
	if definition, isCustom := definitions[named.APIVersion+"/"+named.Kind]; isCustom {
		faults, err = customFaults(document, definition)
	} else {
		faults, err = builtInFaults(document)
	}
	if err != nil {
		faults = append(faults, err.Error())
	}
	for place, fault := range faults {
		faults[place] = fmt.Sprintf("%s %s: %s", named.Kind, named.Metadata.Name, fault)
	}
	return faults
}

func builtInFaults(document []byte) ([]string, error) {
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	written, _, err := decoder.Decode(document, nil, nil)
	if err != nil {
		return nil, err
	}
	legacyscheme.Scheme.Default(written)
	known, err := legacyscheme.Scheme.ConvertToVersion(written, runtime.InternalGroupVersioner)
	if err != nil {
		return nil, err
	}
	switch object := known.(type) {
	case *apps.DaemonSet:
		return lines(appsrules.ValidateDaemonSet(object, corerules.PodValidationOptions{})), nil
	case *apps.Deployment:
		return lines(appsrules.ValidateDeployment(object, corerules.PodValidationOptions{})), nil
	case *apps.StatefulSet:
		return lines(appsrules.ValidateStatefulSet(object, corerules.PodValidationOptions{})), nil
	case *batch.Job: // the rest of it is what the server fills in
		return lines(corerules.ValidatePodTemplateSpec(&object.Spec.Template, field.NewPath("spec", "template"), corerules.PodValidationOptions{})), nil
	case *core.PersistentVolumeClaim:
		if object.Namespace == "" {
			object.Namespace = core.NamespaceDefault // as kubectl does
		}
		return lines(corerules.ValidatePersistentVolumeClaim(object, corerules.PersistentVolumeClaimSpecValidationOptions{})), nil
	case *core.ConfigMap:
		return lines(corerules.ValidateConfigMap(object)), nil
	case *core.Service:
		return lines(corerules.ValidateServiceCreate(object)), nil
	case *networking.NetworkPolicy:
		return lines(networkrules.ValidateNetworkPolicy(object, networkrules.NetworkPolicyValidationOptions{})), nil
	default:
		return nil, errors.New("nothing here validates this kind")
	}
}

func customFaults(document []byte, definition *extensions.JSONSchemaProps) ([]string, error) {
	var rules apiextensions.JSONSchemaProps
	if err := extensions.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(definition, &rules, nil); err != nil {
		return nil, err
	}
	shape, err := schema.NewStructural(&rules)
	if err != nil {
		return nil, err
	}
	validator, _, err := custom.NewSchemaValidator(&rules)
	if err != nil {
		return nil, err
	}
	var object map[string]interface{}
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		return nil, err
	}
	faults := lines(custom.ValidateCustomResource(nil, object, validator))
	for _, path := range pruning.PruneWithOptions(object, shape, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		faults = append(faults, fmt.Sprintf("unknown field %q", path))
	}
	return faults, nil
}

func lines(all field.ErrorList) []string {
	said := []string{}
	for _, each := range all {
		said = append(said, each.Error())
	}
	return said
}
