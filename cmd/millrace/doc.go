// Command millrace is the whole of Millrace in one binary.
//
// Each subcommand has a file of its own. This is the only place where the
// stages meet: package ingest does not know package olap, and package api
// knows the producer only as an interface; here they are joined.
//
// Every flag can also be given as MILLRACE_<FLAG> in the environment, or as a
// key of a YAML file; a flag beats the environment, which beats the file.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but rows were rejected.
package main
