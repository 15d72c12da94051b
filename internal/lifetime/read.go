package lifetime

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/klauspost/compress/gzip"
)

// ReadPurchases reads a file of purchases, packed with gzip or not. It knows
//
//   - CSV with customer, date and amount: named by a header, or in this order;
//   - the published CDNOW files: blanks between customer, date, number and dollars,
//     and the sample's, which have a second id before the date.
//
// Dates are 1997-09-30 or 19970930; a time behind the date is left off. The name
// is that of the file, for errors, which point at line and field.
func ReadPurchases(from io.Reader, name string) ([]Purchase, error) {
	text, err := unpacked(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := purchaseReader{name: name}
	first, err := text.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if strings.ContainsRune(string(first), 0) {
		return nil, fmt.Errorf("%s is not text: give CSV with customer, date and amount, packed with gzip at most", name)
	}
	line, _, _ := strings.Cut(string(first), "\n")
	if strings.TrimSpace(string(first)) == "" {
		return nil, fmt.Errorf("%s is empty: give a file with one purchase per line, such as 00001,1997-01-01,11.77", name)
	}
	if strings.Contains(line, ",") {
		err = r.readCSV(text)
	} else {
		err = r.readBlanks(text)
	}
	if err == nil && len(r.purchases) == 0 {
		err = fmt.Errorf("%s has a header and no purchases: add one purchase per line, such as 00001,1997-01-01,11.77", name)
	}
	return r.purchases, err
}

// unpacked looks for gzip's first two bytes.
func unpacked(from io.Reader) (*bufio.Reader, error) {
	plain := bufio.NewReaderSize(from, 64<<10)
	if magic, err := plain.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return plain, nil
	}
	z, err := gzip.NewReader(plain)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(z, 64<<10), nil
}

// purchaseReader collects purchases and knows where it is.
type purchaseReader struct {
	name      string
	line      int
	at        columns
	purchases []Purchase
}

// columns are where each part of a purchase stands in a line.
type columns struct{ customer, date, amount int }

func (r *purchaseReader) readCSV(text io.Reader) error {
	lines := csv.NewReader(text)
	lines.FieldsPerRecord, lines.TrimLeadingSpace, lines.ReuseRecord = -1, true, true
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		before := r.line
		r.line, _ = lines.FieldPos(0)
		if err := r.take(fields, before == 0); err != nil {
			return err
		}
	}
}

func (r *purchaseReader) readBlanks(text io.Reader) error {
	lines := bufio.NewScanner(text)
	for first := true; lines.Scan(); {
		r.line++
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if err := r.take(fields, first); err != nil {
			return err
		}
		first = false
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s, line %d: %w", r.name, r.line+1, err)
	}
	return nil
}

// take reads a line. The first one says where the columns are.
func (r *purchaseReader) take(fields []string, first bool) error {
	if first {
		header, err := r.layout(fields)
		if header || err != nil {
			return err
		}
	}
	if need := max(r.at.customer, r.at.date, r.at.amount) + 1; len(fields) < need {
		return r.fault("has %d fields, and the first line %d: a customer, a date and an amount are needed", len(fields), need)
	}
	customer := strings.TrimSpace(fields[r.at.customer])
	if customer == "" {
		return r.fault("field %d: the customer is empty; give an id, or remove the line", r.at.customer+1)
	}
	day, err := parseDay(fields[r.at.date])
	if err != nil {
		return r.fault("field %d: %w", r.at.date+1, err)
	}
	amount, err := strconv.ParseFloat(strings.TrimSpace(fields[r.at.amount]), 64)
	if err != nil || !(amount >= 0) || math.IsInf(amount, 0) {
		return r.fault("field %d: %q is not an amount; write a number such as 11.77, not below 0", r.at.amount+1, shorten(fields[r.at.amount]))
	}
	r.purchases = append(r.purchases, Purchase{Customer: strings.Clone(customer), Day: day, Amount: amount})
	return nil
}

func (r *purchaseReader) fault(format string, args ...any) error {
	return fmt.Errorf("%s, line %d: %w", r.name, r.line, fmt.Errorf(format, args...))
}

// layout finds the columns: by a header's names, or else by where the date is.
func (r *purchaseReader) layout(fields []string) (header bool, err error) {
	isDate := func(field string) bool { _, err := parseDay(field); return err == nil }
	if slices.ContainsFunc(fields, isDate) {
		// Of two fields that read as a date the later is it: an id may look like one.
		date := len(fields) - 1
		for !isDate(fields[date]) {
			date--
		}
		return false, r.place(0, date, len(fields)-1)
	}
	if !strings.ContainsFunc(strings.Join(fields, ""), unicode.IsLetter) {
		return false, r.fault("no field is a date; write YYYY-MM-DD or YYYYMMDD: %q", shorten(strings.Join(fields, " ")))
	}
	find := func(names ...string) int {
		return slices.IndexFunc(fields, func(f string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(f, "\ufeff"))))
		})
	}
	customer := find("customer", "customer_id", "user", "user_id", "id")
	date := find("date", "day", "timestamp", "time", "order_date")
	amount := find("amount", "dollars", "dollar_value", "value", "spend", "revenue", "price", "total")
	if customer < 0 || date < 0 || amount < 0 {
		return true, r.fault("the header %q does not name customer, date and amount; rename its columns so, or remove it where they stand in this order",
			shorten(strings.Join(fields, ",")))
	}
	r.at = columns{customer, date, amount}
	return true, nil
}

// place checks that customer, date and amount are three columns in this order.
func (r *purchaseReader) place(customer, date, amount int) error {
	if customer >= date || date >= amount {
		return r.fault("field %d is the date; a customer is needed before it, and an amount behind it", date+1)
	}
	r.at = columns{customer, date, amount}
	return nil
}

// parseDay reads a date, with or without a time behind it, as midnight UTC.
func parseDay(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	layout, date := time.DateOnly, text
	if len(text) == len("20060102") {
		layout = "20060102"
	} else if len(text) > len(time.DateOnly) && (text[10] == 'T' || text[10] == ' ') {
		date = text[:10]
	}
	day, err := time.ParseInLocation(layout, date, time.UTC)
	if err != nil {
		return day, fmt.Errorf("%q is not a date; write YYYY-MM-DD or YYYYMMDD", shorten(text))
	}
	return day, nil
}

func shorten(text string) string {
	if len(text) > 80 {
		return text[:80] + "…"
	}
	return text
}
