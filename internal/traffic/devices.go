package traffic

// device is a device as its user agent shows it. The fields agree with one
// another; an app has a version and no browser.
type device struct {
	platform  string
	device    string
	os        string
	browser   string
	version   string // of the app
	userAgent string
	weight    float64
}

// isApp reports whether events come from an app, which may send them late.
func (d *device) isApp() bool { return d.version != "" }

// deviceTable lists what people use.
func deviceTable() []device {
	const (
		safari  = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
		chromes = "AppleWebKit/537.36 (KHTML, like Gecko)"
	)
	return []device{
		{"android", "Pixel 9", "Android 15", "", "3.4.1", "Millshop/3.4.1 (Pixel 9; Android 15)", 9},
		{"android", "Galaxy S24", "Android 14", "", "3.4.0", "Millshop/3.4.0 (SM-S921B; Android 14)", 13},
		{"android", "Redmi Note 13", "Android 13", "", "3.3.2", "Millshop/3.3.2 (23124RA7EO; Android 13)", 12},
		{"ios", "iPhone 15", "iOS 18", "", "3.4.1", "Millshop/3.4.1 (iPhone15,4; iOS 18.1)", 12},
		{"ios", "iPhone 13", "iOS 17", "", "3.4.0", "Millshop/3.4.0 (iPhone14,5; iOS 17.6)", 8},
		{"ios", "iPad", "iPadOS 17", "", "3.2.0", "Millshop/3.2.0 (iPad13,18; iPadOS 17.5)", 3},
		{"web", "Windows PC", "Windows 11", "Chrome", "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + chromes + " Chrome/129.0.0.0 Safari/537.36", 16},
		{"web", "Windows PC", "Windows 10", "Edge", "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + chromes + " Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0", 6},
		{"web", "Windows PC", "Windows 10", "Firefox", "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0", 3},
		{"web", "Mac", "macOS 14", "Safari", "", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + safari + " Version/17.6 Safari/605.1.15", 6},
		{"web", "Mac", "macOS 14", "Chrome", "", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + chromes + " Chrome/129.0.0.0 Safari/537.36", 5},
		{"web", "Linux PC", "Linux", "Firefox", "", "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", 1},
		{"web", "iPhone 14", "iOS 17", "Safari", "", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) " + safari + " Version/17.6 Mobile/15E148 Safari/604.1", 4},
		{"web", "Galaxy A54", "Android 14", "Chrome", "", "Mozilla/5.0 (Linux; Android 14; SM-A546B) " + chromes + " Chrome/129.0.0.0 Mobile Safari/537.36", 5},
	}
}

// appShare is the share of users whose main device is an app.
func appShare(devices []device) float64 {
	apps, all := 0.0, 0.0
	for i := range devices {
		all += devices[i].weight
		if devices[i].isApp() {
			apps += devices[i].weight
		}
	}
	return apps / all
}
