"""The name table of format version 1: well-known session keys, one byte each.

A top-level key that stands here is written as its index, 0 to 111, and only so;
every other key is written in full. Indices 112 to 127 are the library's own.

The table is frozen. An index never changes its meaning, a name is never added,
moved, or taken away: cookies that are already out would be read as something else.
A new table is a new format version.

The groups, in order: Django and the packages around it, Flask and the packages
around it, Microsoft's identity, Pyramid, then the names that applications choose
themselves, for sign-in, visitors, pages, shops, and chats. Names with a part that
varies are left out, save those of a few well-known providers. `docs/format.md`
says which releases the names were read from.
"""

from typing import Final

NAMES: Final[tuple[str, ...]] = (
    # 0-8  Django: contrib.auth, sessions, messages, CSRF, language (up to 3.2)
    "_auth_user_id",
    "_auth_user_backend",
    "_auth_user_hash",
    "_password_reset_token",
    "_session_expiry",
    "_messages",
    "_csrftoken",
    "_language",
    "testcookie",
    # 9-20  Packages for Django: second factor, acting for another user, OpenID Connect, SAML
    "otp_device_id",
    "django_two_factor-qr_secret_key",
    "hijack_history",
    "_impersonate",
    "_impersonate_start",
    "oidc_states",
    "oidc_login_next",
    "oidc_access_token",
    "oidc_id_token",
    "oidc_id_token_expiration",
    "_saml2_subject_id",
    "_saml2_identities",
    # 21-31  django-allauth
    "account_login",
    "account_verified_email",
    "account_email_verification_code",
    "account_authentication_methods",
    "account_authentication_methods_user",
    "account_reauthentication_state",
    "_password_reset_key",
    "socialaccount_state",
    "socialaccount_states",
    "socialaccount_sociallogin",
    "mfa.webauthn.state",
    # 32-36  python-social-auth
    "social_auth_last_login_backend",
    "partial_pipeline_token",
    "google-oauth2_state",
    "github_state",
    "facebook_state",
    # 37-43  Flask and Flask-Login
    "_flashes",
    "_permanent",
    "_user_id",
    "_fresh",
    "_id",
    "_remember",
    "_remember_seconds",
    # 44-45  Flask-WTF and WTForms
    "csrf_token",
    "csrf",
    # 46-55  Flask-Principal and Flask-Security
    "identity.id",
    "identity.auth_type",
    "fs_cc",
    "fs_paa",
    "fs_gexp",
    "tf_state",
    "tf_user_id",
    "tf_primary_method",
    "tf_remember_login",
    "tf_totp_secret",
    # 56-63  Flask-Dance, Flask-OIDC, Flask-AppBuilder
    "google_oauth_token",
    "google_oauth_state",
    "github_oauth_token",
    "github_oauth_state",
    "oidc_auth_token",
    "oidc_auth_profile",
    "page_history",
    "oauth_provider",
    # 64-66  identity, Microsoft's sign-in for web applications
    "_token_cache",
    "_auth_flow",
    "_logged_in_user",
    # 67-69  Pyramid
    "_csrft_",
    "auth.userid",
    "_f_",
    # 70-84  OAuth 2 and OpenID Connect clients, as applications write them
    "state",
    "nonce",
    "code_verifier",
    "oauth_state",
    "oauth_token",
    "oauth_token_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "token_type",
    "expires_at",
    "scope",
    "sub",
    "userinfo",
    "credentials",
    # 85-97  Who the visitor is, as applications write it
    "user",
    "user_id",
    "username",
    "user_email",
    "email",
    "role",
    "permissions",
    "is_admin",
    "is_authenticated",
    "logged_in",
    "last_activity",
    "roles",
    "tenant_id",
    # 98-104  Where the visitor goes and how pages look
    "next",
    "next_url",
    "locale",
    "language",
    "lang",
    "timezone",
    "theme",
    # 105-111  Shops and chats
    "cart",
    "cart_id",
    "order_id",
    "coupon_id",
    "currency",
    "recently_viewed",
    "chat_history",
)

INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(NAMES)}
