package forgetest

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// number of an account or repository: the same for the same name.
func id(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint32(sum[:]))
}

// account is the short form of a user or an organisation.
func (s *Server) account(login, kind string) map[string]any {
	v := map[string]any{"login": login, "id": id(login), "node_id": "N", "type": kind, "site_admin": false, "gravatar_id": "",
		"avatar_url": s.URL + "/avatar", "html_url": s.URL + "/" + login, "url": s.URL + "/users/" + login}
	for _, name := range []string{"events", "followers", "following", "gists", "organizations", "received_events", "repos", "starred", "subscriptions"} {
		v[name+"_url"] = s.URL + "/users/" + login + "/" + name
	}
	return v
}

// repository has all that the three forms of one have together. The password
// in it is one that must not be kept.
func (s *Server) repository(owner string, r Repo) map[string]any {
	full := owner + "/" + r.Name
	kind := "User"
	if _, org := s.Orgs[owner]; org {
		kind = "Organization"
	}
	clone := r.Clone
	if clone == "" {
		clone = s.URL + "/" + full + ".git"
	}
	v := map[string]any{
		"id": id(full), "node_id": "N", "name": r.Name, "full_name": full, "owner": s.account(owner, kind), "private": r.Private,
		"fork": r.Fork, "archived": r.Archived, "disabled": false, "topics": append([]string{}, r.Topics...), "default_branch": "main",
		"clone_url": clone, "git_url": "git://forge.example/" + full, "ssh_url": "git@forge.example:" + full, "svn_url": s.URL + "/" + full,
		"html_url": s.URL + "/" + full, "url": s.URL + "/repos/" + full, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"description": nil, "pushed_at": "2026-01-02T03:04:05Z", "created_at": "2025-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		"has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false, "has_discussions": false,
		"temp_clone_token": "temporary-" + r.Name,
	}
	for _, n := range []string{"size", "forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "watchers_count", "network_count", "subscribers_count"} {
		v[n] = 0
	}
	for n := range strings.FieldsSeq("archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks " +
		"git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees") {
		v[n+"_url"] = s.URL + "/repos/" + full + "/" + n
	}
	return v
}

// user is the long form of the one whose the token is.
func user(login string) map[string]any {
	s := &Server{URL: "https://forge.example"}
	v := s.account(login, "User")
	for n := range strings.FieldsSeq("bio blog company email hireable location name") {
		v[n] = nil
	}
	for n := range strings.FieldsSeq("followers following public_gists public_repos") {
		v[n] = 0
	}
	v["created_at"], v["updated_at"], v["user_view_type"] = "2025-01-02T03:04:05Z", "2025-01-02T03:04:05Z", "public"
	return v
}
