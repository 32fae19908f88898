package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoroutines has every goroutine of ours defer HandleCrash: a panic in one
// that does not would end the program without giving the terminal back. A method
// that several start defers it itself.
func TestGoroutines(t *testing.T) {
	files := token.NewFileSet()
	packages := map[string][]*ast.File{}
	for _, root := range []string{"cli", "kube", "ui", "views"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || forTests(path) {
				return err
			}
			f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			dir := filepath.Dir(path)
			packages[dir] = append(packages[dir], f)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, parsed := range packages {
		guarded := map[string]bool{"Relay": true} // of store.Signal
		for _, f := range parsed {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && handlesCrash(fn.Body) {
					guarded[fn.Name.Name] = true
				}
			}
		}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				if started := startedBy(n); started != nil && !isGuarded(started, guarded) {
					t.Errorf("%s: a goroutine without defer utilruntime.HandleCrash() as its first line", files.Position(n.Pos()))
				}
				return true
			})
		}
	}
}

// forTests reports whether a package is used by tests alone.
func forTests(path string) bool {
	for _, dir := range []string{"ui/uitest", "kube/apitest", "kube/kubetest", "kube/rig"} {
		if strings.HasPrefix(filepath.ToSlash(path), dir+"/") {
			return true
		}
	}
	return false
}

// startedBy returns what a node starts as a goroutine, nil if it does not.
func startedBy(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.GoStmt:
		return n.Call.Fun
	case *ast.CallExpr: // of a sync.WaitGroup
		if fn, ok := n.Fun.(*ast.SelectorExpr); ok && fn.Sel.Name == "Go" && len(n.Args) == 1 {
			return n.Args[0]
		}
	}
	return nil
}

func isGuarded(fn ast.Expr, guarded map[string]bool) bool {
	switch fn := fn.(type) {
	case *ast.FuncLit:
		return handlesCrash(fn.Body) || len(fn.Body.List) == 1 && callsGuarded(fn.Body.List[0], guarded)
	case *ast.SelectorExpr:
		// What nothing of ours runs in cannot panic for us.
		pkg, ok := fn.X.(*ast.Ident)
		return guarded[fn.Sel.Name] || ok && (pkg.Name == "runtime" || pkg.Name == "debug")
	case *ast.Ident:
		return guarded[fn.Name]
	}
	return false
}

func callsGuarded(s ast.Stmt, guarded map[string]bool) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	return ok && isGuarded(call.Fun, guarded)
}

// handlesCrash reports whether the first thing a function does is to defer
// HandleCrash.
func handlesCrash(b *ast.BlockStmt) bool {
	if b == nil || len(b.List) == 0 {
		return false
	}
	d, ok := b.List[0].(*ast.DeferStmt)
	if !ok {
		return false
	}
	fn, ok := d.Call.Fun.(*ast.SelectorExpr)
	return ok && fn.Sel.Name == "HandleCrash"
}
