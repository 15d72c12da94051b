package lifetime

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

func TestReadPurchasesInAnyForm(t *testing.T) {
	want := []Purchase{
		{"c1", time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), 11.77},
		{"c2", time.Date(1997, 1, 12, 0, 0, 0, 0, time.UTC), 77},
	}
	for name, text := range map[string]string{
		"CDNOW":                      " customer_id  date number_of_cds  dollar_value\r\n c1 19970101  1   11.77\r\n c2 19970112  5   77.00\r\n",
		"sample":                     " c1 0001 19970101  1   11.77\n c2 0002 19970112  5   77.00\n",
		"id that looks like a date":  " c1 19970101 19970101  1   11.77\n c2 19970102 19970112  5   77.00\n",
		"CSV":                        "c1,1997-01-01,11.77\nc2,1997-01-12,77\n",
		"CSV with header":            "Amount,Customer_ID,Date\n11.77,c1,1997-01-01T23:59:59Z\n77,c2,1997-01-12 08:00:00\n",
		"CSV with quotes and blanks": "customer, date, amount\n\"c1\", 19970101, 11.77\n\nc2, 19970112, 77.00\n",
	} {
		for _, packed := range []bool{false, true} {
			got, err := ReadPurchases(bytes.NewReader(content(t, text, packed)), "file")
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
	}
}

func content(t *testing.T, text string, packed bool) []byte {
	t.Helper()
	if !packed {
		return []byte(text)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// TestReadPurchasesSaysWhatIsWrong wants line, field and remedy.
func TestReadPurchasesSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "orders is empty: give a file with one purchase per line, such as 00001,1997-01-01,11.77",
		"customer,date,amount\n":             "orders has a header and no purchases: add one purchase per line, such as 00001,1997-01-01,11.77",
		"c1,1997-01-01,5\nc1,1997-13-01,5\n": `orders, line 2: field 2: "1997-13-01" is not a date; write YYYY-MM-DD or YYYYMMDD`,
		"c1,1997-01-01,5\nc1,1997-01-02,x\n": `orders, line 2: field 3: "x" is not an amount; write a number such as 11.77, not below 0`,
		"c1,1997-01-01,-5\n":                 `orders, line 1: field 3: "-5" is not an amount; write a number such as 11.77, not below 0`,
		"c1,1997-01-01,NaN\n":                `orders, line 1: field 3: "NaN" is not an amount; write a number such as 11.77, not below 0`,
		"c1,1997-01-01,5\n,1997-01-02,5\n":   "orders, line 2: field 1: the customer is empty; give an id, or remove the line",
		"c1 19970101 5\nc2 19970101\n":       "orders, line 2: has 2 fields, and the first line 3: a customer, a date and an amount are needed",
		"buyer,date,amount\nc1,1997-01-01,5\n": `orders, line 1: the header "buyer,date,amount" does not name customer, date and amount; ` +
			"rename its columns so, or remove it where they stand in this order",
		"tar\x00\x00":         "orders is not text: give CSV with customer, date and amount, packed with gzip at most",
		"1,2,3\n":             `orders, line 1: no field is a date; write YYYY-MM-DD or YYYYMMDD: "1 2 3"`,
		"1997-01-01,c1,5\n":   "orders, line 1: field 1 is the date; a customer is needed before it, and an amount behind it",
		"c1,1997-01-01,5\n\"": `orders: parse error on line 2, column 2: extraneous or missing " in quoted-field`,
	} {
		_, err := ReadPurchases(strings.NewReader(text), "orders")
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestCustomersCountDaysNotPurchases(t *testing.T) {
	day := func(month time.Month, d int) time.Time { return time.Date(1997, month, d, 0, 0, 0, 0, time.UTC) }
	got := Customers([]Purchase{
		{"b", day(10, 1), 1}, // after the calibration: no customer yet
		{"a", day(1, 15), 20}, {"a", day(1, 1), 5}, {"a", day(1, 1), 6}, {"a", day(1, 15), 10}, {"a", day(9, 30), 40},
		{"a", day(10, 1), 7}, {"a", day(10, 1), 8}, {"a", day(11, 1), 9},
	}, endOfCalibration())
	want := Customer{ID: "a", Later: 2, History: History{Repeats: 2, Recency: 272 / 7., Age: 272 / 7., Priced: 2, MeanSpend: 35}}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want only %+v", got, want)
	}
}

func TestNothingToFit(t *testing.T) {
	if _, err := FitBGNBD(nil); err != ErrNoCustomers {
		t.Errorf("got %v, want %v", err, ErrNoCustomers)
	}
	if _, err := FitBGNBD([]Group{{Age: 10, Customers: 5}}); err != ErrNoRepeats {
		t.Errorf("got %v, want %v", err, ErrNoRepeats)
	}
	if _, err := FitGammaGamma(nil); err != ErrNoSpend {
		t.Errorf("got %v, want %v", err, ErrNoSpend)
	}
	if _, err := FitBGNBD([]Group{{Repeats: 1, Recency: 3, Age: 2, Customers: 1}}); err == nil {
		t.Error("a recency above the age was taken")
	}
}

func FuzzReadPurchases(f *testing.F) {
	f.Add([]byte("c1,1997-01-01,11.77\n"))
	f.Add([]byte(" customer_id  date number_of_cds  dollar_value\r\n c1 19970101  1   11.77\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		purchases, err := ReadPurchases(bytes.NewReader(data), "file")
		if err != nil {
			return
		}
		for _, p := range purchases {
			if p.Customer == "" || !(p.Amount >= 0) || p.Day.Location() != time.UTC {
				t.Errorf("took %+v", p)
			}
		}
	})
}
