//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"quarterdeck/ui/uitest"
)

// plugins are programs that the kubeconfig names for getting credentials.
func plugins() []scenario {
	return []scenario{
		{
			name: "a plugin that chatters does not touch the screen",
			edit: plugin("for i in 1 2 3 4 5 6 7 8 9 10; do echo chatter $i >&2; done\ncat credential.json\n"),
			run: func(t *terminal) {
				t.Header("playground").Live().Sees("NAMESPACE").Row("web", "cart")
				t.Sees("chatter") // in the footer, as a notice
				t.undisturbed()
			},
		},
		{
			name: "a plugin that fails is named with its reason",
			edit: plugin("echo 'session expired' >&2\nexit 3\n"),
			run: func(t *terminal) {
				t.Header("no answer").Sees("the credential plugin failed", "log in with it").Sees("session expired").undisturbed()
				t.Press("@").Sees("context›").Press("viewer", uitest.Enter).Header("viewer").Live().Row("web", "cart")
			},
		},
		{
			name: "a plugin that wants to ask something does not get the keys",
			edit: plugin("read -r answer\necho \"no answer: $answer\" >&2\nexit 1\n"),
			run: func(t *terminal) {
				t.Header("no answer").Press("?").Header("help").Press("q").Ends(1)
			},
		},
	}
}

// plugin returns an edit that gives the user playground a plugin, a shell
// script, instead of the certificate. The script finds an answer with the
// certificate in credential.json.
func plugin(script string) func(*testing.T, *clientcmdapi.Config) {
	return func(t *testing.T, config *clientcmdapi.Config) {
		t.Helper()
		user := config.AuthInfos["playground"]
		answer := clientauthentication.ExecCredential{Status: &clientauthentication.ExecCredentialStatus{
			ClientCertificateData: string(user.ClientCertificateData), ClientKeyData: string(user.ClientKeyData),
		}}
		answer.APIVersion, answer.Kind = clientauthentication.SchemeGroupVersion.String(), "ExecCredential"
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "plugin")
		for file, content := range map[string]string{
			path:                                  fmt.Sprintf("#!/bin/sh\ncd %q\n%s", dir, script),
			filepath.Join(dir, "credential.json"): string(text),
		} {
			if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		config.AuthInfos["playground"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			Command: path, APIVersion: answer.APIVersion, InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
		}}
	}
}

// undisturbed checks that the screen is what the program drew: drawing it all
// again changes nothing above the footer. Ages change by themselves.
func (t *terminal) undisturbed() {
	t.Helper()
	before := t.screen.Text()
	written := t.screen.BytesWritten()
	// Columns may have become wider meanwhile.
	title := func(screen string) string {
		return strings.Join(strings.Fields(strings.Split(screen+"\n", "\n")[1]), " ")
	}
	t.Press(uitest.Ctrl('l'))
	// It comes in pieces: half a screen is not the end.
	t.await("the same screen drawn again, which was\n"+before, patience, func(after string) bool {
		return t.screen.BytesWritten() > written && strings.Contains(t.screen.Raw()[written:], "NAME") &&
			title(before) == title(after) && len(rows(before)) == len(rows(after))
	})
}
