"""The protections, and how to take each of them out."""

from typing import NamedTuple


class Removal(NamedTuple):
    """A protection of one line of the table in `docs/security.md`, and how to take it out."""

    id: str
    what: str
    file: str  # in the package
    edits: dict[str, str]  # each text stands in the file once
    test: str  # which fails then


REMOVALS = [
    # Format and cryptography.
    Removal(
        "C1", "a format that is not ours is refused", "_codec.py",
        {"return Status.UNKNOWN_FORMAT": "pass"},
        "test_codec.py::test_a_cookie_is_refused_at_its_first_fault",
    ),
    Removal(
        "C2", "the signature is verified", "_codec.py",
        {"return Status.BAD_SIGNATURE": "return self._opened(key, signed[1:], now)"},
        "test_codec.py::test_every_flipped_bit_is_refused_before_anything_is_decrypted",
    ),
    Removal(
        "C2", "the tag of the encryption is verified", "_seal.py",
        {
            "raise InvalidCookie(Status.BAD_CIPHERTEXT) from None":
            "from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes; "
            "inner = Cipher(algorithms.AES(key.epoch_key(issued >> 14)), modes.CTR(raw[8:20] + "
            "bytes([0, 0, 0, 2]))).decryptor().update(raw[20:-16])",
        },
        "test_codec.py::test_every_flipped_bit_of_the_sealed_block_is_refused_though_signed",
    ),
    Removal(
        "C2", "the encryption binds the key's id", "_seal.py",
        {
            '.decrypt(raw[8:20], raw[20:], b"1" + raw[:8])':
            '.decrypt(raw[8:20], raw[20:], b"1" + key.kid + raw[3:8])',
        },
        "test_seal.py::test_every_flipped_bit_is_refused_by_the_encryption_alone",
    ),
    Removal(
        "C2", "issued_after is looked at", "_codec.py",
        {"return Status.ISSUED_TOO_EARLY": "pass"},
        "test_codec.py::test_issued_after_refuses_what_was_issued_before",
    ),
    Removal(
        "C3", "each nonce is drawn anew", "_seal.py",
        {"nonce = os.urandom(12)": "nonce = bytes(12)"},
        "test_codec.py::test_the_same_session_never_makes_the_same_cookie",
    ),
    Removal(
        "C3", "nonces are random", "_seal.py",
        {"nonce = os.urandom(12)": "nonce = __import__('time').monotonic_ns().to_bytes(12, 'big')"},
        "test_seal.py::test_no_nonce_is_used_twice",
    ),
    Removal(
        "C4", "keys change with the epoch", "_seal.py",
        {"_EPOCH_BITS: Final = 14": "_EPOCH_BITS: Final = 15"},
        "test_seal.py::test_the_key_changes_with_the_epoch",
    ),
    Removal(
        "C4", "the epochs that are kept are bounded", "_seal.py",
        {"key.ciphers.clear()": "pass"},
        "test_seal.py::test_the_cache_of_ciphers_is_bounded",
    ),
    Removal(
        "C5", "the key is looked up, not tried in turn", "_codec.py",
        {".by_kid.get(text[1:5])": ".by_kid and sum(self.ready(now).by_kid.values(), [])"},
        "test_codec.py::test_a_cookie_costs_one_signature_however_many_keys_there_are",
    ),
    Removal(
        "C6", "the namespace is bound", "_keys.py",
        {"_length_prefixed(name) + _length_prefixed(namespace)": "_length_prefixed(name)"},
        "test_codec.py::test_a_cookie_opens_only_under_its_own_name_and_namespace",
    ),
    Removal(
        "C7", "contexts carry their length", "_keys.py",
        {'return len(encoded).to_bytes(2, "big") + encoded': "return encoded"},
        "test_keys.py::test_contexts_are_never_confused",
    ),
    Removal(
        "C8", "the cookie's name is bound", "_keys.py",
        {"_length_prefixed(name) + _length_prefixed(namespace)": "_length_prefixed(namespace)"},
        "test_codec.py::test_a_cookie_opens_only_under_its_own_name_and_namespace",
    ),
    Removal(
        "C8", "parts are found by the tag of their head", "_cookie.py",
        {
            "keys = [(tag, number) for number in range(1, int(cut[1]))]":
            "keys = [next((it for it in self.parts if it[1] == number), (tag, number)) "
            "for number in range(1, int(cut[1]))]",
        },
        "test_exchange.py::test_parts_of_two_sessions_never_mix",
    ),
    Removal(
        "C9", "types are compared exactly in saving", "_pack.py",
        {"elif not _is_html(value):": "elif False:"},
        "test_pack.py::test_what_would_not_come_back_as_it_was_cannot_be_saved",
    ),
    Removal(
        "C9", "extensions that are not listed are refused", "_pack.py",
        {
            "return _FROM_EXTENSION[code](data)":
            "return _FROM_EXTENSION.get(code, lambda data: ExtType(code, data))(data)",
            "elif not _is_html(value):":
            "elif not _is_html(value) and kind is not ExtType:",
        },
        "test_pack.py::test_an_unlisted_extension_is_refused",
    ),
    Removal(
        "C10", "nothing is decoded before the signature has held", "_codec.py",
        {"# 4. Signature.": "_base64.decode(text[1:-_TAIL])"},
        "test_codec.py::test_any_payload_without_a_signature_is_only_that",
    ),
    Removal(
        "C11", "digests are compared in constant time", "_sign.py",
        {
            "hmac.compare_digest(self._signature(text), signature)":
            "self._signature(text) == signature",
        },
        "test_architecture.py::test_digests_are_compared_in_constant_time",
    ),
    Removal(
        "C12", "a body has one spelling", "_pack.py",
        {"if pack_value(packed) != body or not": "if not"},
        "test_pack.py::test_a_body_that_says_nothing_of_ours_is_refused",
    ),
    Removal(
        "C12", "base64url has one spelling", "_base64.py",
        {"if text and text[-1] not in last:": "if False:"},
        "test_base64.py::test_every_short_text_is_refused_or_encodes_to_itself",
    ),
    Removal(
        "C12", "padding is zeros", "_seal.py",
        {"or inner.count(0, end) != len(inner) - end": ""},
        "test_seal.py::test_an_inner_block_of_another_form_is_refused",
    ),
    Removal(
        "C13", "the signature is by SHA-256", "_sign.py",
        {"hashlib.sha256(block.translate(_OUTER))": "hashlib.sha1(block.translate(_OUTER))"},
        "test_sign.py::test_the_signature_is_hmac_sha_256",
    ),
    Removal(
        "C15", "no two values share a compressor", "_compress.py",
        {
            "deflater = zlib.compressobj(wbits=-_WINDOW)":
            "deflater = zlib.compressobj(level=6, wbits=-_WINDOW, zdict=globals().get('z', "
            "b'z')); globals()['z'] = packed",
        },
        "test_compress.py::test_likeness_to_a_secret_does_not_show_in_the_length",
    ),
    Removal(
        "C15", "a pad hides the exact length", "_seal.py",
        {"% pad if pad else 0": "% 1"},
        "test_codec.py::test_a_pad_hides_small_differences_in_length",
    ),
    Removal(
        "C16", "secrets that repeat themselves are refused", "_keys.py",
        {"if len(set(secret)) < _FEWEST_DIFFERENT_BYTES:": "if False:"},
        "test_keys.py::test_a_weak_secret_is_refused_when_the_key_is_made",
    ),
    Removal(
        "C16", "well-known samples are refused", "_keys.py",
        {"if any(sample in plain for sample in _SAMPLES):": "if False:"},
        "test_keys.py::test_a_weak_passphrase_is_refused",
    ),
    Removal(
        "C17", "the format character is compared", "_codec.py",
        {"if text[:1] != _FORMAT:": "if not text[:1]:"},
        "test_codec.py::test_the_first_character_is_the_whole_choice_of_algorithms",
    ),
    # Keys.
    Removal(
        "K1", "a key's checksum is verified", "_keys.py",
        {"if not hmac.compare_digest(checksum, _checksum(secret)):": "if not raw:"},
        "test_keys.py::test_a_text_that_is_not_a_whole_key_is_refused",
    ),
    Removal(
        "K1", "a passphrase is stretched", "_keys.py",
        {"n=2**17": "n=2**14"},
        "test_keys.py::test_a_passphrase_becomes_a_key_through_scrypt",
    ),
    Removal(
        "K2", "the primary key writes", "_codec.py",
        {"ring_keys[ring.primary]": "next(iter(ring_keys.values()))"},
        "test_exchange.py::test_a_newer_key_that_is_not_primary_reads_and_does_not_write",
    ),
    Removal(
        "K2", "a retired key opens nothing", "_codec.py",
        {"enumerate(ring.accepted)": "enumerate(ring.accepted + ring.retired)"},
        "test_codec.py::test_a_retired_key_opens_nothing",
    ),
    Removal(
        "K2", "an older key counts as due", "_exchange.py",
        {"return visit.key.age > ": "return visit.key.age < "},
        "test_exchange.py::test_a_session_under_an_old_key_is_written_anew_when_looked_at",
    ),
    Removal(
        "K2", "no ring drops a key before its sessions end", "_manager.py",
        {"if keys.keeps < lifetimes.longest:": "if False:"},
        "test_keyring_live.py::test_a_ring_that_drops_keys_before_their_sessions_end_is_refused",
    ),
    Removal(
        "K3", "a key's repr hides it", "_keys.py",
        {'return f"<Key {self.fingerprint}>"': 'return f"<Key {self.reveal()}>"'},
        "test_keys.py::test_no_key_shows_itself_in_text",
    ),
    Removal(
        "K3", "keys have no __dict__", "_keys.py",
        {'__slots__ = ("_prk", "_secret", "fingerprint")': ""},
        "test_keys.py::test_no_key_is_in_vars_or_dumps",
    ),
    Removal(
        "K3", "keys cannot be pickled", "_keys.py",
        {
            'raise TypeError(f"a {type(self).__name__} cannot be pickled: it would write down '
            'its key")':
            "return super().__reduce_ex__(_protocol)",
        },
        "test_keys.py::test_no_key_can_be_pickled",
    ),
    Removal(
        "K3", "a session's repr hides its data", "_session.py",
        {"{len(self)} keys; dict(session) shows them": "{dict(self)}"},
        "test_session.py::test_a_session_shows_no_data",
    ),
    Removal(
        "K3", "a refusal is raised where no frame holds what was decrypted", "_codec.py",
        {
            "return refusal":
            "raise InvalidCookie(refusal)",
            "return error.reason":
            "raise",
        },
        "test_codec.py::test_no_traceback_of_a_refusal_leads_to_what_was_decrypted",
    ),
    Removal(
        "K3", "an error of saving is raised where no frame holds the data", "_exchange.py",
        {"raise error.with_traceback(None) from None": "raise"},
        "test_exchange.py::"
        "test_an_error_page_of_what_cannot_be_saved_shows_neither_data_nor_cookie",
    ),
    Removal(
        "K3", "a ring's file that others can read is refused", "keyring/files.py",
        {"and status.st_mode & _OTHERS": "and status.st_mode & 0"},
        "test_keyring_files.py::test_a_ring_that_others_can_read_or_write_is_refused",
    ),
    Removal(
        "K4", "a ring that changes is taken up", "_codec.py",
        {"if ready is None or ready.ring is not ring:": "if ready is None:"},
        "test_codec.py::test_the_ring_is_that_of_the_moment",
    ),
    Removal(
        "K4", "the last good ring stays in use", "keyring/live.py",
        {
            "before, self._current = self._current, self._read()":
            "before, self._current = self._current, None; self._current = self._read()",
        },
        "test_keyring_live.py::test_the_last_good_ring_stays_in_use",
    ),
    Removal(
        "K5", "a refused cookie is not deleted", "_exchange.py",
        {"(changed and visit.stamp and not forced)": "(not visit.stamp or changed and not forced)"},
        "test_exchange.py::test_a_refused_cookie_is_never_deleted",
    ),
    Removal(
        "K5", "an unknown key has the ring read early", "_codec.py",
        {"self._keys.missed()": "pass"},
        "test_codec.py::test_a_ring_is_told_of_the_keys_that_it_lacks_and_of_nothing_else",
    ),
    Removal(
        "K5", "strangers cannot have it read all the time", "keyring/live.py",
        {"self._may_ask = now + min(self._every, _EARLY_AGAIN)": "pass"},
        "test_keyring_live.py::test_an_unknown_key_asks_for_an_early_read_once_a_minute",
    ),
    Removal(
        "K6", "no key is ever made up", "_manager.py",
        {
            "return Keyring(keys if isinstance(keys, Iterable) else [])":
            "return Keyring(keys or [Key.generate()])",
        },
        "test_manager.py::test_no_key_is_ever_made_up",
    ),
    Removal(
        "K6", "replicas can compare their rings", "_keys.py",
        {"[self.primary.fingerprint],": ""},
        "test_keys.py::test_replicas_compare_their_rings_by_fingerprint",
    ),
    # Lifetime and replay.
    Removal(
        "L1", "the end is enforced here", "_lifetimes.py",
        {"if now <= self.end(stamp) + END_LEEWAY:": "if True:"},
        "test_lifetimes.py::test_the_end_is_enforced_when_a_cookie_is_read",
    ),
    Removal(
        "L1", "a session lives at its end", "_lifetimes.py",
        {"if now <= self.end(stamp) + END_LEEWAY:": "if now < self.end(stamp) + END_LEEWAY:"},
        "test_lifetimes.py::test_a_session_lives_at_its_end_and_a_minute_on",
    ),
    Removal(
        "L1", "the absolute end counts", "_lifetimes.py",
        {"return min(stamp.issued + self.idle,": "return max(stamp.issued + self.idle,"},
        "test_exchange.py::test_an_old_session_ends_on_the_server_however_busy",
    ),
    Removal(
        "L2", "the defaults are finite", "_manager.py",
        {"= timedelta(days=14)": "= timedelta(days=30)"},
        "test_manager.py::test_the_defaults_are_finite_and_secure",
    ),
    Removal(
        "L2", "destroy says what it cannot do", "_session.py",
        {"stays good until it expires": "is of no use"},
        "test_manager.py::test_destroy_says_what_it_cannot_do",
    ),
    Removal(
        "L3", "a request that changed nothing writes nothing", "_exchange.py",
        {"if changed or touched:": "if True:"},
        "test_exchange.py::test_a_session_that_was_read_writes_nothing",
    ),
    Removal(
        "L3", "images and the like touch nothing", "_exchange.py",
        {"or visit.incoming.fetch_dest not in _TOUCHING": ""},
        "test_exchange.py::test_a_session_is_touched_when_it_is_old_and_a_person_looks",
    ),
    Removal(
        "L5", "regenerate makes a new id", "_session.py",
        {
            "self._restamp(Stamp(max(now, self._stamp.issued), now, new_sid()))":
            "self._restamp(Stamp(max(now, self._stamp.issued), now, self._stamp.sid))",
        },
        "test_session.py::test_regenerate_keeps_what_is_named_under_a_new_id",
    ),
    Removal(
        "L5", "regenerate drops what is not named", "_session.py",
        {"for name in self.keys() - kept:": "for name in ():"},
        "test_session.py::test_regenerate_keeps_what_is_named_under_a_new_id",
    ),
    Removal(
        "L6", "the absolute end stays where it is", "_exchange.py",
        {
            "_own_stamp().at(visit.now)":
            "_own_stamp()._replace(issued=visit.now, created=visit.now)",
        },
        "test_exchange.py::test_an_old_session_ends_on_the_server_however_busy",
    ),
    Removal(
        "L7", "the time of issue never runs backwards", "_exchange.py",
        {"_own_stamp().at(visit.now)": "_own_stamp()._replace(issued=visit.now)"},
        "test_exchange.py::test_the_time_of_issue_never_runs_backwards",
    ),
    Removal(
        "L7", "a cookie from far ahead is refused", "_codec.py",
        {"return Status.NOT_YET_VALID": "pass"},
        "test_lifetimes.py::test_a_cookie_may_come_from_a_clock_five_minutes_ahead",
    ),
    Removal(
        "L7", "a clock may be five minutes behind", "_lifetimes.py",
        {"CLOCK_AHEAD: Final = 300": "CLOCK_AHEAD: Final = 0"},
        "test_lifetimes.py::test_a_cookie_may_come_from_a_clock_five_minutes_ahead",
    ),
    Removal(
        "L8", "the limit of every cookie session is said plainly", "../SECURITY.md",
        {"a client may send an older cookie of its own again": ""},
        "test_exchange.py::test_an_older_cookie_is_still_good_and_the_docs_say_so",
    ),
    # What arrives.
    Removal(
        "I1", "the name ends at the first =", "_cookie.py",
        {' *=([^;]*)"': ' *=+([^;]*)"'},
        "test_cookie.py::test_pairs_are_cut_as_browsers_join_them",
    ),
    Removal(
        "I2", "odd white space makes a name not ours", "_cookie.py",
        {'.strip(b" "):': r'.strip(b" \t\n\x0b\r\x1c\x85\xa0"):'},
        "test_cookie.py::test_odd_white_space_around_a_name_makes_it_not_ours",
    ),
    Removal(
        "I2", "names are compared by case", "_cookie.py",
        {"% (re.escape(name), _PART))": "% (re.escape(name), _PART), re.IGNORECASE)"},
        "test_cookie.py::test_a_name_is_ours_exactly_or_not",
    ),
    Removal(
        "I3", "quotes mean nothing", "_cookie.py",
        {r'values.append(value.strip(b" \t"))': 'values.append(value.strip(b\' \\t"\'))'},
        "test_cookie.py::test_quotes_backslashes_and_dollars_mean_nothing",
    ),
    Removal(
        "I4", "what follows a bad pair is read", "_cookie.py",
        {
            "bytes_left -= len(header)":
            "header = re.match(rb'[ -~]*', header)[0]; bytes_left -= len(header)",
        },
        "test_cookie.py::test_a_bad_pair_is_skipped_and_the_rest_is_read",
    ),
    Removal(
        "I5", "the bytes of headers are bounded", "_cookie.py",
        {"if bytes_left < 0 or pairs_left <= 0:": "if pairs_left <= 0:"},
        "test_cookie.py::test_at_most_128_kib_of_headers_are_looked_at",
    ),
    Removal(
        "I5", "the number of pairs is bounded", "_cookie.py",
        {"if pairs > pairs_left:": "if False:"},
        "test_cookie.py::test_at_most_512_pairs_are_looked_at",
    ),
    Removal(
        "I5", "the candidates of one name are bounded", "_cookie.py",
        {"if len(values) < _MAX_CANDIDATES:": "if True:"},
        "test_cookie.py::test_at_most_four_of_one_name_are_looked_at",
    ),
    Removal(
        "I6", "all candidates are tried", "_cookie.py",
        {"for k in range(_MAX_CANDIDATES)": "for k in range(1)"},
        "test_exchange.py::test_a_valid_cookie_wins_over_broken_ones_without_an_event",
    ),
    Removal(
        "I6", "the newest of several valid ones is taken", "_exchange.py",
        {"newest = max(newest, opened, ": "newest = min(newest, opened, "},
        "test_exchange.py::test_of_several_valid_cookies_the_newest_wins_with_an_event",
    ),
    Removal(
        "I6", "a second valid one is told", "_exchange.py",
        {"self.tell(events.Duplicate, newest.key, newest.stamp)": "pass"},
        "test_exchange.py::test_of_several_valid_cookies_the_newest_wins_with_an_event",
    ),
    Removal(
        "I7", "parts that come in each other's place are refused", "_cookie.py",
        {'return text if signature.startswith(tag) else b""': "return text"},
        "test_cookie.py::test_a_text_that_does_not_end_as_its_tag_says_is_none",
    ),
    Removal(
        "I7", "stale parts wait for the responses under way", "_exchange.py",
        {"_CLEAN_AFTER: Final = 60": "_CLEAN_AFTER: Final = 0"},
        "test_exchange.py::test_two_tabs_that_cross_leave_one_whole_session",
    ),
    Removal(
        "I7", "the new parts leave before their head", "_cookie.py",
        {
            "return [*parts, (self.name, _head_mark(len(parts) + 1, tag) + text[:start])]":
            "return [(self.name, _head_mark(len(parts) + 1, tag) + text[:start]), *parts]",
        },
        "test_exchange.py::test_the_new_parts_come_first_then_the_head_then_the_deletions",
    ),
    Removal(
        "I8", "what is not latin-1 is no error", "wsgi.py",
        {'.encode("latin-1", "replace")': '.encode("latin-1")'},
        "test_wsgi.py::test_a_cookie_that_is_not_latin_1_is_no_error",
    ),
    Removal(
        "I8", "surrogates are no error", "_manager.py",
        {'.encode("utf-8", "replace")': '.encode("utf-8")'},
        "test_manager.py::test_loads_refuses_any_other_text_and_says_why",
    ),
    Removal(
        "I9", "forwarded headers are not read (WSGI)", "wsgi.py",
        {
            'environ.get("HTTP_HOST", "")':
            'environ.get("HTTP_X_FORWARDED_HOST", environ.get("HTTP_HOST", ""))',
        },
        "test_wsgi.py::test_forwarded_headers_are_never_read",
    ),
    Removal(
        "I9", "forwarded headers are not read (ASGI)", "asgi.py",
        {
            'host=own.get(b"host", "")':
            'host=dict(headers).get(b"x-forwarded-host", b"").decode() or own.get(b"host", "")',
        },
        "test_asgi.py::test_forwarded_headers_are_never_read",
    ),
    # What leaves.
    Removal(
        "O1", "a path takes no semicolon", "_cookie.py",
        {"!$&'()*+,=:@%-]{0,1023}": "!$&'()*+,=:@%;-]{0,1023}"},
        "test_cookie.py::test_no_attribute_takes_a_character_that_ends_it",
    ),
    Removal(
        "O1", "a name takes nothing that ends it", "_cookie.py",
        {"not _NAME.fullmatch(name)": "not _NAME.match(name)"},
        "test_cookie.py::test_no_name_takes_a_character_that_ends_it",
    ),
    Removal(
        "O2", "cookies are HttpOnly", "_cookie.py",
        {'"HttpOnly",': ""},
        "test_cookie.py::test_attributes_are_written_so",
    ),
    Removal(
        "O2", "cookies are Secure by default", "_cookie.py",
        {"secure: bool = True": "secure: bool = False"},
        "test_promises.py::test_secure",
    ),
    Removal(
        "O2", "contradictions are refused", "_cookie.py",
        {'if not self.secure and (self.samesite == "none" or self.partitioned):': "if False:"},
        "test_cookie.py::test_what_browsers_would_drop_is_refused_with_its_mend",
    ),
    Removal(
        "O3", "prefixes are known in any case", "_cookie.py",
        {'if name.startswith("__"):': 'if name.startswith("__Host-"):'},
        "test_cookie.py::test_a_name_with_a_prefix_of_its_own_is_refused",
    ),
    Removal(
        "O4", "no name is set twice in a response", "_exchange.py",
        {
            "return lines + self._deletions(visit.jar.all_parts())":
            "return [policy.writer.delete(policy.writer.name), *lines]",
        },
        "test_exchange.py::test_growing_and_shrinking_leave_nothing_behind",
    ),
    Removal(
        "O4", "the application's cookies stay", "wsgi.py",
        {
            "return [*headers, *edits.set.items(), *edits.add]":
            "return [*(it for it in headers if it[0] != 'Set-Cookie'), *edits.set.items(), "
            "*edits.add]",
        },
        "test_wsgi.py::test_headers_are_merged_and_the_applications_own_stay",
    ),
    Removal(
        "O5", "no cookie is longer than 4093 bytes", "_cookie.py",
        {"MAX_COOKIE_BYTES: Final = 4093": "MAX_COOKIE_BYTES: Final = 4094"},
        "test_cookie.py::test_the_longest_cookie_has_4093_bytes",
    ),
    Removal(
        "O7", "a deletion has the attributes of what it deletes", "_cookie.py",
        {'return f"{name}={_EXPIRED}{self._attributes}"': 'return f"{name}={_EXPIRED}"'},
        "test_cookie.py::test_a_deletion_has_the_attributes_of_what_it_deletes",
    ),
    Removal(
        "O7", "all parts are deleted", "_exchange.py",
        {"lines = head + self._deletions(visit.jar.all_parts())": "lines = head"},
        "test_exchange.py::test_a_deletion_carries_the_attributes_of_what_it_deletes",
    ),
    Removal(
        "H1", "any look varies on the cookie", "_exchange.py",
        {'edits.set["Vary"] = "Cookie"': "pass"},
        "test_exchange.py::test_any_look_varies_on_the_cookie",
    ),
    Removal(
        "H1", "Vary is merged", "_exchange.py",
        {'edits.set["Vary"] = f"{vary}, Cookie"': 'edits.set["Vary"] = "Cookie"'},
        "test_exchange.py::test_vary_is_merged",
    ),
    Removal(
        "H2", "a failed load is a look", "_exchange.py",
        {
            "if not session.accessed:\n            session._closed = True":
            "if not session.accessed or session.new:\n            session._closed = True",
        },
        "test_exchange.py::test_any_look_varies_on_the_cookie",
    ),
    Removal(
        "H3", "what sets the cookie is not stored", "_exchange.py",
        {'edits.set["Cache-Control"] = "no-store"': "pass"},
        "test_exchange.py::test_what_sets_the_cookie_is_not_stored",
    ),
    Removal(
        "H3", "public is replaced", "_exchange.py",
        {'"public" not in names and ': ""},
        "test_exchange.py::test_what_sets_the_cookie_is_not_stored",
    ),
    Removal(
        "H4", "each request has a session of its own", "_manager.py",
        {
            "return Exchange(self._policy, incoming)":
            'return self._settings.setdefault("shared", Exchange(self._policy, incoming))',
        },
        "test_asgi.py::test_a_thousand_users_at_once_never_cross",
    ),
    Removal(
        "H4", "no cookie goes into what others are sent", "asgi.py",
        {'return {**message, "headers": headers}': 'message["headers"] = headers; return message'},
        "test_asgi.py::test_a_message_that_an_application_sends_to_everyone_stays_its_own",
    ),
    # Resources, and what is seen.
    Removal(
        "S1", "the length is looked at first", "_codec.py",
        {"<= self._options.max_length": "<= 10**9"},
        "test_codec.py::test_the_length_is_looked_at_first",
    ),
    Removal(
        "S1", "nesting is bounded in loading", "_pack.py",
        {"if depth >= MAX_DEPTH:": "if depth >= MAX_DEPTH + 1:"},
        "test_codec.py::test_a_cookie_is_refused_at_its_first_fault",
    ),
    Removal(
        "S2", "the inflated lengths of one cookie are added", "_compress.py",
        {"packed = _inflate(value, left)": "packed = _inflate(value, MAX_INFLATED)"},
        "test_compress.py::test_the_limit_is_one_for_the_whole_cookie",
    ),
    Removal(
        "S2", "inflating stops at the limit", "_compress.py",
        {"inflater.decompress(deflated, limit + 1)": "inflater.decompress(deflated)"},
        "test_compress.py::test_a_bomb_is_not_inflated",
    ),
    Removal(
        "S3", "refusing decrypts nothing", "_codec.py",
        {"# 4. Signature.": "unseal(keys[0].cookie_key, bytes(40))"},
        "test_exchange.py::test_refusing_neither_inflates_nor_unpacks",
    ),
    Removal(
        "S4", "only names that are exactly those of parts are deleted", "_cookie.py",
        {r'rb"\.([A-Za-z0-9_-]{8})\.': r'rb"\.([A-Za-z0-9_-]+)\.'},
        "test_cookie.py::test_only_exact_names_are_parts",
    ),
    Removal(
        "S4", "at most twenty are deleted in a response", "_cookie.py",
        {"MAX_CLEANED: Final = 20": "MAX_CLEANED: Final = 21"},
        "test_exchange.py::test_at_most_twenty_are_deleted_at_a_time_and_only_parts_of_ours",
    ),
    Removal(
        "G1", "events name a session by a keyed hash", "_codec.py",
        {"hmac.digest(self.cookie_key.log_key, sid": 'hmac.digest(b"", sid'},
        "test_codec.py::test_events_name_a_session_by_a_keyed_hash",
    ),
    Removal(
        "G1", "events carry no text of a stranger", "_codec.py",
        {'[A-Za-z0-9_-]{4}")': '.{4}", re.DOTALL)'},
        "test_events.py::test_no_cookie_writes_its_own_lines_into_a_log",
    ),
    Removal(
        "G2", "what is too large raises", "_exchange.py",
        {"if len(text) > self.writer.capacity:": "if False:"},
        "test_exchange.py::test_what_cannot_be_saved_is_an_error_once_and_the_error_page_leaves",
    ),
    Removal(
        "D1", "a late change is an error", "_session.py",
        {"if self._closed and (self._touched or self.modified):": "if False:"},
        "test_asgi.py::test_a_late_change_in_a_stream_is_an_error_at_once",
    ),
    Removal(
        "D1", "the end of the body is looked at", "_exchange.py",
        {"session._refuse_late_change()": "pass"},
        "test_asgi.py::test_a_late_nested_change_is_an_error_at_the_end",
    ),
    Removal(
        "D1", "a WebSocket without headers is read-only", "asgi.py",
        {'if kind == "websocket.accept" and _passes_accept_headers(scope):':
         'if kind == "websocket.accept":'},
        "test_asgi.py::test_a_websocket_is_read_only_where_no_headers_are_passed_on",
    ),
    Removal(
        "D1", "a change after a WebSocket's handshake is an error at once", "asgi.py",
        {"exchange.close()  # these have no headers": "pass  # these have no headers"},
        "test_asgi.py::test_a_change_where_a_websocket_takes_no_headers_is_an_error_at_once",
    ),
]  # fmt: skip
