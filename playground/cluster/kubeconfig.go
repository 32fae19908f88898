package cluster

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// User is an identity with its own context in a kubeconfig.
type User struct {
	// Context is the name of both the context and the user entry.
	Context string
	// Namespace the context starts in; empty means default.
	Namespace string
	Keys      KeyPair
}

// Kubeconfig encodes one context per user, the first being current.
// Certificates are inline, so that the file can be copied elsewhere.
func Kubeconfig(server string, ca []byte, users ...User) ([]byte, error) {
	const name = "playground"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	for i, user := range users {
		if i == 0 {
			config.CurrentContext = user.Context
		}
		config.AuthInfos[user.Context] = &clientcmdapi.AuthInfo{
			ClientCertificateData: user.Keys.Cert,
			ClientKeyData:         user.Keys.Key,
		}
		config.Contexts[user.Context] = &clientcmdapi.Context{
			Cluster:   name,
			AuthInfo:  user.Context,
			Namespace: user.Namespace,
		}
	}
	encoded, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("encode kubeconfig: %w", err)
	}
	return encoded, nil
}
