package template

import "go.yaml.in/yaml/v3"

// payload is a name and the values it has in turn.
type payload struct {
	name   string
	values []text
}

func (r *reader) payloads(n *yaml.Node, b *block) {
	r.pairs(n, "payloads", func(name string, v *yaml.Node) {
		if v.Kind != yaml.SequenceNode {
			r.fail(v, "payloads that are not a list: a file")
			return
		}
		if len(v.Content) == 0 || len(v.Content) > maxRequests {
			r.fail(v, "payloads of %d values: 1 to %d", len(v.Content), maxRequests)
			return
		}
		p := payload{name: name}
		for _, item := range v.Content {
			p.values = append(p.values, r.sent(item, r.scalar(item)))
		}
		r.define(v, name)
		b.payloads = append(b.payloads, p)
	})
	if b.attack == "" {
		b.attack = "batteringram"
	}
	if b.attack == "batteringram" && len(b.payloads) > 1 {
		r.fail(n, "attack batteringram with more than one list")
	}
	if b.sets() > maxRequests {
		r.fail(n, "more than %d requests", maxRequests)
	}
}

// sets counts the sets of values, 0 without payloads. It stops counting where
// there are too many.
func (b block) sets() int {
	if len(b.payloads) == 0 {
		return 0
	}
	n := len(b.payloads[0].values)
	for _, p := range b.payloads[1:] {
		if b.attack == "pitchfork" {
			n = min(n, len(p.values))
		} else {
			n = min(n*len(p.values), maxRequests+1)
		}
	}
	return n
}

// set gives the values of one set by name.
func (b block) set(i int) map[string]text {
	values := map[string]text{}
	for _, p := range b.payloads {
		if b.attack == "clusterbomb" {
			values[p.name] = p.values[i%len(p.values)]
			i /= len(p.values)
		} else {
			values[p.name] = p.values[i]
		}
	}
	return values
}
