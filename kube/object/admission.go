package object

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"quarterdeck/kube/store"
)

// The fields of webhooks in their configurations that nobody looks at.
func webhookPaths() []path {
	const webhooks, clientConfig, caBundle, rules, namespaces = 2, 2, 2, 3, 5
	return []path{noAnnotations, {webhooks, clientConfig, caBundle}, {webhooks, rules}, {webhooks, namespaces}}
}

// ValidatingWebhooks declares how validating webhook configurations are read.
func ValidatingWebhooks() store.Kind[*Webhooks] {
	return store.Typed(admissionv1.SchemeGroupVersion.WithResource("validatingwebhookconfigurations"), "ValidatingWebhookConfiguration", false,
		func(c *admissionv1.ValidatingWebhookConfiguration, in *store.Interner) *Webhooks {
			out := &Webhooks{Meta: in.Meta(&c.ObjectMeta)}
			for i := range c.Webhooks {
				w := &c.Webhooks[i]
				out.add(w.Name, &w.ClientConfig, w.FailurePolicy, in)
			}
			return out
		}, webhookPaths()...)
}

// MutatingWebhooks declares how mutating webhook configurations are read.
func MutatingWebhooks() store.Kind[*Webhooks] {
	return store.Typed(admissionv1.SchemeGroupVersion.WithResource("mutatingwebhookconfigurations"), "MutatingWebhookConfiguration", false,
		func(c *admissionv1.MutatingWebhookConfiguration, in *store.Interner) *Webhooks {
			out := &Webhooks{Meta: in.Meta(&c.ObjectMeta)}
			for i := range c.Webhooks {
				w := &c.Webhooks[i]
				out.add(w.Name, &w.ClientConfig, w.FailurePolicy, in)
			}
			return out
		}, webhookPaths()...)
}

// Webhooks is a compact configuration of admission webhooks.
type Webhooks struct {
	store.Meta
	Hooks []Webhook
}

// Webhook is one admission webhook.
type Webhook struct {
	Name               string
	Namespace, Service string // "" if it is called by a URL
	Fails              bool   // what it cannot be asked about is refused
}

func (w *Webhooks) add(name string, c *admissionv1.WebhookClientConfig, policy *admissionv1.FailurePolicyType, in *store.Interner) {
	h := Webhook{Name: in.String(name), Fails: policy == nil || *policy == admissionv1.Fail}
	if c.Service != nil {
		h.Namespace, h.Service = in.String(c.Service.Namespace), in.String(c.Service.Name)
	}
	w.Hooks = append(w.Hooks, h)
}
