package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"quarterdeck/nearest"
)

// Rule restricts some of what changes a cluster. Its patterns are globs; a list
// without patterns is for everything.
type Rule struct {
	Contexts   []string
	Namespaces []string
	Kinds      []string
	Verbs      []string
	Effect     Effect // "" if the rule only limits
	Max        int    // objects at once; 0 is any number
	Reason     string
}

// Effect is what a rule does.
type Effect string

// The effects, the strictest first.
const (
	EffectDeny     Effect = "deny"
	EffectTypeName Effect = "type-name" // want the name typed
	EffectConfirm  Effect = "confirm"
)

// RuleVerbs returns the words for what changes something: those of kube/guard.
func RuleVerbs() []string {
	return []string{
		"create", "update", "patch", "delete", "deletecollection",
		"exec", "attach", "portforward", "proxy", "evict", "scale", "debug",
	}
}

// rules declares the list of rules. A mistake in a rule never makes it weaker:
// what is wrong counts as not written, so the rule is for more than was meant,
// and without an effect it denies.
func rules() field[Config] {
	return list("rules",
		"What may not be done, or wants more than a key, where, and why. All rules that match hold, the strictest wins. See [Rules](#rules).",
		"{contexts: prod-*, verbs: delete, effect: type-name}", ruleSettings, func(c *Config) *[]Rule { return &c.Rules },
		func(entry *Rule, item *yaml.Node, in *reading) bool {
			if entry.Effect != "" || entry.Max > 0 {
				return true
			}
			if !wrong(item, in, "effect") && !wrong(item, in, "max") {
				in.reject(item, "effect", "a rule needs an effect (deny, type-name or confirm) or a max: until then it denies")
			}
			entry.Effect = EffectDeny
			in.trail["effect"] = trail{"": in.origin(item)}
			return true
		})
}

// ruleSettings declares what can be set in a rule.
func ruleSettings() []field[Rule] {
	return []field[Rule]{
		wordList("contexts", pattern(), func(r *Rule) *[]string { return &r.Contexts },
			"Names of contexts; `*` stands for any text, `?` for one character, here and below. Without it, all contexts."),
		wordList("namespaces", pattern(), func(r *Rule) *[]string { return &r.Namespaces },
			"Names of namespaces. What is in no namespace is matched by `*` only. Without it, everywhere."),
		wordList("kinds", pattern(), func(r *Rule) *[]string { return &r.Kinds },
			"Resources such as `deployments`, kinds such as `Deployment`, either with its group as in `deployments.apps`. Without it, all kinds."),
		wordList("verbs", verbPattern(), func(r *Rule) *[]string { return &r.Verbs },
			"What is done: `"+strings.Join(RuleVerbs(), "`, `")+"`. Without it, every change."),
		option("effect", Effect(""), oneOf(EffectDeny, EffectTypeName, EffectConfirm), func(r *Rule) *Effect { return &r.Effect },
			"Refuse it, ask to type the name first, or ask for a confirmation."),
		option("max", 0, whole(0, 1_000_000), func(r *Rule) *int { return &r.Max },
			"How many objects may be changed at once; 0 is any number. A rule needs an effect, a `max` or both."),
		option("reason", "", sentence(), func(r *Rule) *string { return &r.Reason },
			"Why, for whoever is stopped by the rule."),
	}
}

// pattern is a glob for names.
func pattern() kind[string] {
	k := word()
	k.text = "a pattern"
	k.parse = func(s string) (string, error) {
		if _, err := word().parse(s); err != nil {
			return "", k.expected(s)
		}
		return s, nil
	}
	return k
}

// verbPattern is a glob that some verb matches.
func verbPattern() kind[string] {
	k := kind[string]{text: "a verb"}
	k.parse = func(s string) (string, error) {
		lower := strings.ToLower(s)
		if !slices.ContainsFunc(RuleVerbs(), func(verb string) bool { return glob(lower, verb) }) {
			return "", fmt.Errorf("%q matches no verb (%s)%s", s, strings.Join(RuleVerbs(), ", "), nearest.Hint(lower, RuleVerbs()))
		}
		return lower, nil
	}
	return k
}

// sentence is text of one line.
func sentence() kind[string] {
	k := kind[string]{text: "text of one line"}
	k.parse = func(s string) (string, error) {
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
			return "", k.expected(s)
		}
		return s, nil
	}
	return k
}
