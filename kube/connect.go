package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"quarterdeck/kube/guard"
	"quarterdeck/kube/store"
)

// Connector makes clients from the user's kubeconfig and flags.
type Connector struct {
	Flags *genericclioptions.ConfigFlags
	// Guard returns the guard of a context; nil lets everything pass.
	Guard func(context string) *guard.Guard
	Store store.Options
	// Interactive lets credential plugins use the terminal. Off while the
	// screen is Quarterdeck's.
	Interactive bool
	UserAgent   string
	// Dial makes connections, nil for those of the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// ContextInfo is one context of the kubeconfig.
type ContextInfo struct {
	Name, Cluster, User, Namespace, Server string
	Current                                bool
}

// Contexts returns the kubeconfig's contexts, ordered by name.
func (c *Connector) Contexts() ([]ContextInfo, error) {
	raw, err := c.Flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, kubeconfigError(c.Flags, err)
	}
	current := raw.CurrentContext
	if f := c.Flags.Context; f != nil && *f != "" {
		current = *f
	}
	var list []ContextInfo
	for name, ctx := range raw.Contexts {
		info := ContextInfo{
			Name: name, Cluster: ctx.Cluster, User: ctx.AuthInfo, Namespace: ctx.Namespace, Current: name == current,
		}
		if cl, ok := raw.Clusters[ctx.Cluster]; ok {
			info.Server = cl.Server
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b ContextInfo) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Connect makes the client of a context, the current one for "". It reads
// files, and never the network: whether the server answers shows at the first
// call.
func (c *Connector) Connect(context string) (*Client, error) {
	flags := c.flagsFor(context)
	loader := flags.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, kubeconfigError(flags, err)
	}
	if context == "" {
		context = raw.CurrentContext
	}
	if err := check(flags, context, raw); err != nil {
		return nil, err
	}
	cfg, err := flags.ToRESTConfig()
	if err != nil {
		return nil, contextError(flags, context, err)
	}
	if context == "" && cfg.Host == clientcmd.ClusterDefaults.Server && deref(flags.APIServer) == "" {
		return nil, kubeconfigError(flags, clientcmd.ErrEmptyConfig) // and not in a cluster: client-go guesses localhost
	}
	if _, _, err := rest.DefaultServerUrlFor(cfg); err != nil {
		return nil, contextError(flags, context, err)
	}
	client := &Client{
		Context: context, Server: cfg.Host, flags: flags,
		rest: map[schema.GroupVersion]rest.Interface{}, warnings: &Warnings{}, timeout: defaultTimeout, Guard: &guard.Guard{},
	}
	if ctx, ok := raw.Contexts[context]; ok {
		client.Cluster, client.User, client.Namespace = ctx.Cluster, ctx.AuthInfo, ctx.Namespace
	}
	if ns := flags.Namespace; ns != nil && *ns != "" {
		client.Namespace = *ns
	} else if client.Namespace == "" && context == "" { // in a cluster: the pod's own namespace
		client.Namespace, _, _ = loader.Namespace()
	}
	if c.Guard != nil {
		client.Guard = c.Guard(context)
	}
	// A timeout of the connection would end all watches; it is kept for single
	// calls and for each page of a list.
	stores := c.Store
	if cfg.Timeout > 0 {
		client.timeout, stores.Timeout = cfg.Timeout, cfg.Timeout
	}
	c.adapt(cfg, client)
	if err := client.Guard.Apply(cfg); err != nil {
		return nil, contextError(flags, context, err)
	}
	flags.WrapConfigFn = func(other *rest.Config) *rest.Config { // for discovery, which only reads
		other.Timeout = client.timeout
		c.adapt(other, client)
		return other
	}
	client.config = cfg
	if client.http, err = rest.HTTPClientFor(cfg); err != nil {
		return nil, contextError(flags, context, err)
	}
	client.Stores = store.NewHub(client.REST, stores)
	return client, nil
}

const defaultTimeout = 15 * time.Second

// adapt changes what client-go sets for programs that are not on a terminal.
func (c *Connector) adapt(cfg *rest.Config, client *Client) {
	cfg.Timeout = 0
	cfg.QPS = -1 // the views ask for little at a time; waiting in line would only be felt
	cfg.UserAgent = c.UserAgent
	if c.Dial != nil {
		cfg.Dial = c.Dial
	}
	cfg.WarningHandler = nil
	cfg.WarningHandlerWithContext = client.warnings
	if cfg.ExecProvider != nil && !c.Interactive {
		cfg.ExecProvider.StdinUnavailable = true
		cfg.ExecProvider.StdinUnavailableMessage = "Quarterdeck has the terminal"
	}
}

// flagsFor returns the flags for another context: those that describe one
// connection (server, token, …) belong to the context they were given for.
func (c *Connector) flagsFor(context string) *genericclioptions.ConfigFlags {
	f := genericclioptions.NewConfigFlags(true)
	from := c.Flags
	f.KubeConfig, f.CacheDir, f.Timeout, f.DisableCompression = from.KubeConfig, from.CacheDir, from.Timeout, from.DisableCompression
	f.Impersonate, f.ImpersonateUID, f.ImpersonateGroup = from.Impersonate, from.ImpersonateUID, from.ImpersonateGroup
	f.ImpersonateUserExtra = from.ImpersonateUserExtra
	if own := from.Context; context == "" || (own != nil && context == *own) {
		f.Context, f.ClusterName, f.AuthInfoName, f.Namespace = from.Context, from.ClusterName, from.AuthInfoName, from.Namespace
		f.APIServer, f.TLSServerName, f.Insecure, f.CAFile = from.APIServer, from.TLSServerName, from.Insecure, from.CAFile
		f.CertFile, f.KeyFile, f.BearerToken = from.CertFile, from.KeyFile, from.BearerToken
		return f
	}
	f.Context = &context
	return f
}

// check finds what is missing of a context, where client-go would go on with
// half of it: without a server it takes localhost, without a user nobody.
func check(flags *genericclioptions.ConfigFlags, context string, raw clientcmdapi.Config) error {
	where := kubeconfigPath(flags)
	known := strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", ")
	cluster, user := deref(flags.ClusterName), deref(flags.AuthInfoName)
	if context == "" {
		if len(raw.Contexts) > 0 && cluster == "" && deref(flags.APIServer) == "" {
			return fmt.Errorf("kubeconfig %s has no current context: choose one with --context: it has %s", where, known)
		}
		return nil
	}
	ctx, ok := raw.Contexts[context]
	switch {
	case !ok && known == "":
		return fmt.Errorf("context %q is not in the kubeconfig %s, which has no contexts: check --kubeconfig and KUBECONFIG", context, where)
	case !ok:
		return fmt.Errorf("context %q is not in the kubeconfig: it has %s", context, known)
	}
	cluster, user = cmp.Or(cluster, ctx.Cluster), cmp.Or(user, ctx.AuthInfo)
	if c, ok := raw.Clusters[cluster]; deref(flags.APIServer) == "" {
		switch {
		case !ok:
			return fmt.Errorf("context %q is for cluster %q, which is not in the kubeconfig %s: correct the file, or name another with --cluster",
				context, cluster, where)
		case c.Server == "":
			return fmt.Errorf("cluster %q of context %q has no server in the kubeconfig %s: correct the file, or pass --server URL",
				cluster, context, where)
		}
	}
	if _, ok := raw.AuthInfos[user]; !ok && user != "" {
		return fmt.Errorf("context %q is for user %q, which is not in the kubeconfig %s: correct the file, or name another with --user",
			context, user, where)
	}
	return nil
}

// kubeconfigError says in one sentence why the kubeconfig cannot be read, and
// what to do.
func kubeconfigError(flags *genericclioptions.ConfigFlags, err error) error {
	where := kubeconfigPath(flags)
	switch {
	case clientcmd.IsEmptyConfig(err):
		return fmt.Errorf("no kubeconfig found at %s: set KUBECONFIG, pass --kubeconfig FILE, or copy your cluster's kubeconfig there", where)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("kubeconfig %s does not exist: check --kubeconfig and KUBECONFIG", where)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("kubeconfig %s cannot be read: %w: check who owns the file", where, err)
	}
	return fmt.Errorf("kubeconfig %s cannot be used: %w: correct the file, or name another with --kubeconfig", where, plain(err))
}

// contextError says in one sentence why a context cannot be used.
func contextError(flags *genericclioptions.ConfigFlags, context string, err error) error {
	return fmt.Errorf("context %q of kubeconfig %s cannot be used: %w: correct it there, or choose another with --context",
		context, kubeconfigPath(flags), plain(err))
}

// plain takes what says nothing off an error of client-go.
func plain(err error) error {
	text := err.Error()
	if strings.HasPrefix(text, "error loading config file ") { // which the sentence names anyway
		_, text, _ = strings.Cut(text, "\": ")
	}
	if strings.Contains(text, "couldn't get version/kind") || strings.HasPrefix(text, "no kind ") {
		text = "it is no kubeconfig"
	}
	text = strings.TrimPrefix(text, "invalid configuration: ")
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	return plainError{text, err}
}

// plainError is an error in other words.
type plainError struct {
	text string
	error
}

func (e plainError) Error() string { return e.text }
func (e plainError) Unwrap() error { return e.error }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func kubeconfigPath(flags *genericclioptions.ConfigFlags) string {
	if flags.KubeConfig != nil && *flags.KubeConfig != "" {
		return *flags.KubeConfig
	}
	if env := os.Getenv(clientcmd.RecommendedConfigPathEnvVar); env != "" {
		return env
	}
	return clientcmd.RecommendedHomeFile
}
