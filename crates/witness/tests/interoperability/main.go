// A log and a witness out of Go's own implementation of notes and trees, golang.org/x/mod/sumdb.
//
//	main log ADDRESS WITNESS-VKEY < private key of the log    grows a log and has it cosigned
//	main witness < a signed checkpoint                        cosigns it with a new key, printed before it
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner verifies cosignatures of version 1: https://c2sp.org/tlog-cosignature
type cosigner struct {
	name   string
	public ed25519.PublicKey
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	hash := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.public...))
	return binary.BigEndian.Uint32(hash[:4])
}

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	if now := uint64(time.Now().Unix()); at > now || at+600 < now {
		return false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
	return ed25519.Verify(c.public, []byte(message), signature[8:])
}

// signer cosigns.
type signer struct {
	cosigner
	private ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) {
	at := uint64(time.Now().Unix())
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(s.private, []byte(message))...), nil
}

// tree keeps all hashes of a log.
type tree struct {
	hashes []tlog.Hash
	size   int64
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, t.hashes[index])
	}
	return found, nil
}

func (t *tree) add(entry string) {
	hashes, err := tlog.StoredHashes(t.size, []byte(entry), t)
	check(err)
	t.hashes = append(t.hashes, hashes...)
	t.size++
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	check(err)
	if os.Args[1] == "witness" {
		witness(input)
		return
	}
	key, err := note.NewSigner(strings.TrimSpace(string(input)))
	check(err)
	grow(key, "http://"+os.Args[2]+"/add-checkpoint", os.Args[3])
}

func witness(checkpoint []byte) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	s := signer{cosigner{"witness.example.org/go", public}, private}
	fmt.Printf("%s+%08x+%s\n", s.name, s.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{4}, public...)))
	line, err := note.Sign(&note.Note{Text: string(checkpoint)}, s)
	check(err)
	os.Stdout.Write(line)
}

func grow(key note.Signer, address, vkey string) {
	parts := strings.SplitN(vkey, "+", 3)
	public, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if public[0] != 4 {
		log.Fatal("it is no key of a witness")
	}
	w := cosigner{parts[0], public[1:]}
	if id := fmt.Sprintf("%08x", w.KeyHash()); id != parts[1] {
		log.Fatalf("the key's number is %s and not %s", id, parts[1])
	}
	var t tree
	var old int64
	for size := int64(1); size < 70; size += 1 + size%5 {
		for t.size < size {
			t.add(fmt.Sprint("entry ", t.size))
		}
		root, err := tlog.TreeHash(size, &t)
		check(err)
		text := fmt.Sprintf("%s\n%d\n%s\n", key.Name(), size, root)
		signed, err := note.Sign(&note.Note{Text: text}, key)
		check(err)
		var request bytes.Buffer
		fmt.Fprintf(&request, "old %d\n", old)
		if old > 0 {
			proof, err := tlog.ProveTree(size, old, &t)
			check(err)
			for _, hash := range proof {
				fmt.Fprintf(&request, "%s\n", hash)
			}
		}
		request.WriteString("\n")
		request.Write(signed)
		response, err := http.Post(address, "text/plain", &request)
		check(err)
		lines, err := io.ReadAll(response.Body)
		check(err)
		if response.StatusCode != 200 {
			log.Fatalf("%d to %d: %s: %s", old, size, response.Status, lines)
		}
		opened, err := note.Open(append([]byte(text+"\n"), lines...), note.VerifierList(w))
		check(err)
		if len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 0 {
			log.Fatalf("%d and %d signatures", len(opened.Sigs), len(opened.UnverifiedSigs))
		}
		old = size
	}
	fmt.Println(old)
}
