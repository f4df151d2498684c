package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// change is one operator that is replaced by another.
type change struct {
	file         string
	line, column int
	offset       int // of the operator in the file
	first, last  int // lines of the function that it is in; 0 outside of functions
	from, to     token.Token
}

func (c change) String() string {
	return fmt.Sprintf("%s:%d:%d: %s becomes %s", filepath.Base(c.file), c.line, c.column, c.from, c.to)
}

// others are what an operator becomes: a comparison its opposite, and one that is moved by
// one.
var others = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.GEQ, token.LEQ}, token.LEQ: {token.GTR, token.LSS},
	token.GTR: {token.LEQ, token.GEQ}, token.GEQ: {token.LSS, token.GTR},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.AND_NOT: {token.AND},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.OR_ASSIGN: {token.AND_ASSIGN}, token.AND_NOT_ASSIGN: {token.OR_ASSIGN},
}

// changes lists those of all files of a package but its tests.
func changes(folder string) ([]change, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []change
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		var first, last int
		add := func(at token.Pos, from token.Token) {
			p := files.Position(at)
			c := change{file: path, line: p.Line, column: p.Column, offset: p.Offset, from: from}
			if p.Line <= last {
				c.first, c.last = first, last
			}
			for _, c.to = range others[from] {
				all = append(all, c)
			}
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				first, last = files.Position(n.Pos()).Line, files.Position(n.End()).Line
			case *ast.BinaryExpr:
				add(n.OpPos, n.Op)
			case *ast.IncDecStmt:
				add(n.TokPos, n.Tok)
			case *ast.AssignStmt:
				add(n.TokPos, n.Tok)
			case *ast.GenDecl:
				return n.Tok == token.VAR // constants are no code that runs
			}
			return true
		})
	}
	return all, nil
}

// apply makes the change in the text of its file.
func (c change) apply(text []byte) []byte {
	before, after := text[:c.offset], text[c.offset+len(c.from.String()):]
	return fmt.Appendf(nil, "%s%s%s", before, c.to, after)
}
