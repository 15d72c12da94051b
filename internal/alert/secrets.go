package alert

// KeepSecrets gives the rule the secrets of an earlier version of it, where it
// leaves them out: for the channel of the same name and kind. A signing secret
// stays only with its address, so that nobody who may change a rule can have
// messages signed for a receiver of his own.
func (r *Rule) KeepSecrets(before *Rule) {
	for i := range r.Channels {
		c := &r.Channels[i]
		was, known := before.Channel(c.Name)
		if !known || was.Kind != c.Kind {
			continue
		}
		if c.Kind == Slack && c.URL == "" {
			c.URL = was.URL
		}
		if c.Secret == "" && c.URL == was.URL {
			c.Secret = was.Secret
		}
	}
}
