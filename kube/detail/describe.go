package detail

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/kubectl/pkg/describe"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// page is how many objects are asked for at once.
const page = 500

// Describe returns what kubectl describe prints. Secrets stay masked.
func (r *Reader) Describe(ctx context.Context, ref kube.Ref) (string, error) {
	if isSecret(ref) {
		return r.describeSecret(ctx, ref)
	}
	// The describers take no context. Ours ends their requests in the transport,
	// and should one sleep between two, the goroutine is left to itself.
	cfg := rest.CopyConfig(r.cfg)
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return bound{ctx, rt} })
	describer, ok := describe.DescriberFor(ref.GVK().GroupKind(), cfg)
	if !ok {
		describer, ok = describe.GenericDescriberFor(&meta.RESTMapping{Resource: ref.GVR, GroupVersionKind: ref.GVK()}, cfg)
	}
	if !ok {
		return "", failed("describe", ref, fmt.Errorf("no client can be made for %s", ref.GVR.GroupVersion()))
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer utilruntime.HandleCrash()
		text, err := describer.Describe(ref.Namespace, ref.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: page})
		done <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", failed("describe", ref, context.Cause(ctx))
	case a := <-done:
		if a.err != nil {
			return "", failed("describe", ref, a.err)
		}
		return sanitize.Text(a.text), nil
	}
}

// bound sends every request in a context of its own choice.
type bound struct {
	ctx  context.Context // the point of it
	next http.RoundTripper
}

func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(req.WithContext(b.ctx))
}

// describeSecret shows a Secret to kubectl's describer with its values hidden:
// it would print tokens of service accounts, and annotations in which tools keep
// copies of what they applied.
func (r *Reader) describeSecret(ctx context.Context, ref kube.Ref) (string, error) {
	obj, _, err := r.object(ctx, ref)
	if err != nil {
		return "", err
	}
	var full, masked corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &full); err != nil {
		return "", failed("describe", ref, err)
	}
	maskSecret(obj)
	masked.ObjectMeta = metav1.ObjectMeta{Namespace: full.Namespace, Name: full.Name, Labels: full.Labels, Annotations: obj.GetAnnotations()}
	masked.Type = full.Type
	masked.Data = make(map[string][]byte, len(full.Data))
	for k, v := range full.Data {
		masked.Data[k] = make([]byte, len(v)) // of which the size is printed
		if k == corev1.ServiceAccountTokenKey && full.Type == corev1.SecretTypeServiceAccountToken {
			masked.Data[k] = []byte(maskOf(len(v)))
		}
	}
	describer := describe.SecretDescriber{Interface: oneSecret{secret: &masked}}
	text, err := describer.Describe(ref.Namespace, ref.Name, describe.DescriberSettings{})
	if err != nil {
		return "", failed("describe", ref, err)
	}
	return sanitize.Text(text), nil
}

// oneSecret is a clientset that knows one Secret and can do nothing but get it.
type oneSecret struct {
	kubernetes.Interface
	corev1client.CoreV1Interface
	corev1client.SecretInterface
	secret *corev1.Secret
}

func (o oneSecret) CoreV1() corev1client.CoreV1Interface        { return o }
func (o oneSecret) Secrets(string) corev1client.SecretInterface { return o }
func (o oneSecret) Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error) {
	return o.secret, nil
}
