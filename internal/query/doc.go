// Package query is Millrace's language for questions.
//
// What enters: text that a person wrote, such as
//
//	country = "IN" and properties.amount > 100 and not properties.coupon exists
//
// What leaves: a typed tree ([Expr]), or an [Error] that points at the column
// and says what was expected there. The package knows the grammar; which names
// exist, and what they mean in a store, is its caller's business.
//
// The grammar of `where`, loosest first:
//
//	expr       = term { "or" term }
//	term       = factor { "and" factor }
//	factor     = "not" factor | "(" expr ")" | test
//	test       = name ( compare literal | [ "not" ] "in" list | "not_in" list
//	                  | "contains" text | "~" text | "exists" )
//	compare    = "=" | "!=" | ">" | ">=" | "<" | "<="
//	list       = "(" literal { "," literal } ")"
//	literal    = number | text | "true" | "false"
//	name       = word { "." ( word | text ) }
//
// Text stands in double or single quotes, with the escapes of JSON. Keywords
// may be written in any case. Everything here is safe for concurrent use.
package query
