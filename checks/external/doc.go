// Package external makes a check of any tool that writes SARIF 2.1.0.
//
// A tool's step has two halves. Execute runs the program on a copy of exactly
// the files of the inventory, behind walls of its own (sandbox.ApplyTool), and
// keeps its report. The check of New then reads that report in a child behind
// the full walls: the report is hostile, because a target can steer what a tool
// says of it. What it names must lie in the target, what it says goes through
// the child's redaction, and a report that is no answer fails the step.
//
// Presets are the declarations of well-known tools.
package external
