package triage

import (
	"strings"

	"quarterdeck/kube/object"
)

// imagePull finds containers whose image the node cannot get, and tells why from
// what the registry or the runtime said; see
// https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff and
// pkg/kubelet/images/types.go of Kubernetes for the reasons.
func imagePull() Rule {
	return podRule(Rule{ID: "image-pull", Checks: "images can be pulled", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			for k := range inWaiting(p) {
				switch k.Reason {
				case "ErrImagePull": // it tries again in a moment, and fails again
					if !c.Lasted(p.Created, pullGrace) && !c.Stands(Pods, p.UID) {
						continue
					}
				case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
				default:
					continue
				}
				return c.unpulled(p, k)
			}
			return nil
		})
}

// pullGrace is how long after its creation a pod may fail to pull an image once,
// in seconds.
const pullGrace = 15

func (c *Cluster) unpulled(p *object.Pod, k *object.Container) *Finding {
	on, home := c.Pod(p), c.Home(c.Pod(p), p.Owner)
	f := &Finding{Severity: Warn, What: "cannot pull an image", Since: p.Created, Evidence: []Evidence{c.waits(p, k)}}
	said := k.Message
	if k.Reason == "ImagePullBackOff" { // after which the kubelet says what it waits for, if it is new enough
		_, after, ok := strings.Cut(said, `": `)
		if said = after; !ok {
			said = ""
		}
	}
	for _, e := range c.Warnings(p.UID, "Failed", "InspectFailed", "ErrImageNeverPull", "FailedToRetrieveImagePullSecret") {
		if strings.HasPrefix(e.Message, "Error: ") {
			continue // which only repeats the reason
		}
		f.Since = min(c.Now, e.First)
		f.Evidence = append(f.Evidence, fromEvent(on, e))
		if said == "" && e.Reason == "Failed" {
			said = e.Message
		}
	}
	why, busy := pullWhy(k.Reason, object.ShortImage(k.Image), said)
	f.Why = why
	if busy == onNode {
		f.Blame = c.blameNode(p)
	}
	if p.Restarts > 0 { // it ran before, so it is not new
		f.Since = max(f.Since, p.LastRestart)
	}
	if busy == passing { // nothing of the workload's is wrong
		f.Actions = []Action{{Do: ShowEvents, On: on, Words: "shows what the kubelet says of the pulls"}}
		return f
	}
	f.Actions = append(c.back(home), Action{Do: Edit, On: home, Words: "opens the workload to mend the image of " + k.Name})
	return f
}

// fault is where what keeps an image from being pulled is to be mended.
type fault uint8

const (
	inSpec  fault = iota // the image's name, or access to it
	onNode               // its disk, its processor
	passing              // the registry or the way to it
)

// pullWhy says why an image cannot be pulled, from the words of the runtime and
// the registry. They have no other form, so this goes by the words that the
// common runtimes and the distribution API use:
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes.
func pullWhy(reason, image, said string) (string, fault) {
	switch reason {
	case "InvalidImageName":
		return "bad image name " + image, inSpec
	case "ErrImageNeverPull":
		return image + " is not on the node, and its pull policy is Never", inSpec
	case "SignatureValidationFailed":
		return image + ": its signature is not accepted", inSpec
	}
	lower := strings.ToLower(said)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(lower, w) {
				return true
			}
		}
		return false
	}
	switch {
	case says("toomanyrequests", "429", "rate limit"):
		return image + ": the registry's rate limit is reached", passing
	case says("pull qps exceeded"):
		return image + ": the node pulls too many images at once", passing
	case says("no such host"):
		return image + ": the registry's name is not known (no such host)", inSpec
	case says("no space left on device"):
		return image + ": the node's disk is full", onNode
	case says("no match for platform", "exec format"):
		return image + " is not built for the node's processor", inSpec
	case says("x509", "certificate", "server gave http response to https client"):
		return image + ": the registry's certificate is not accepted", passing
	case says("connection refused", "i/o timeout", "deadline exceeded", "connection reset", "no route to host", "network is unreachable", "tls handshake timeout"):
		return image + ": the registry does not answer", passing
	case says("does not exist or may require"):
		return image + " not found, or no access to it", inSpec
	case says("unauthorized", "authentication required", "no basic auth", "401"):
		return image + ": no access, the registry wants credentials", inSpec
	case says("denied", "forbidden", "403"):
		return image + ": no access, the registry denies it", inSpec
	case says("not found", "manifest unknown", "name unknown", "name_unknown", "manifest_unknown", "404"):
		return image + " not found", inSpec
	case says("500", "502", "503", "504", "internal server error", "service unavailable", "bad gateway"):
		return image + ": the registry fails", passing
	case said == "":
		return image + " cannot be pulled", inSpec
	}
	return image + ": " + lastPart(said), inSpec
}

// lastPart returns the last of the clauses of a wrapped error, which names the
// cause.
func lastPart(message string) string {
	message = strings.TrimRight(message, ` :.`)
	if i := strings.LastIndex(message, ": "); i >= 0 {
		return message[i+2:]
	}
	return message
}
