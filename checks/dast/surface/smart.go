package surface

// SMARTConfiguration is what /.well-known/smart-configuration says (SMART App
// Launch 2.2.0, Conformance, "Metadata"; 2.0 alike). Members that are not there
// are zero.
type SMARTConfiguration struct {
	Issuer                   string
	JWKS                     string
	AuthorizationEndpoint    string
	TokenEndpoint            string
	RegistrationEndpoint     string
	ManagementEndpoint       string
	IntrospectionEndpoint    string
	RevocationEndpoint       string
	UserAccessBrandBundle    string
	GrantTypes               []string
	Scopes                   []string
	ResponseTypes            []string
	Capabilities             []string
	CodeChallengeMethods     []string
	TokenEndpointAuthMethods []string
}

// SMART reads the document; an error says that it is no JSON object.
func SMART(doc []byte) (SMARTConfiguration, error) {
	m, err := decode(doc, DefaultLimits(), false)
	if err != nil {
		return SMARTConfiguration{}, err
	}
	return SMARTConfiguration{
		Issuer:                   text(m["issuer"]),
		JWKS:                     text(m["jwks_uri"]),
		AuthorizationEndpoint:    text(m["authorization_endpoint"]),
		TokenEndpoint:            text(m["token_endpoint"]),
		RegistrationEndpoint:     text(m["registration_endpoint"]),
		ManagementEndpoint:       text(m["management_endpoint"]),
		IntrospectionEndpoint:    text(m["introspection_endpoint"]),
		RevocationEndpoint:       text(m["revocation_endpoint"]),
		UserAccessBrandBundle:    text(m["user_access_brand_bundle"]),
		GrantTypes:               texts(m["grant_types_supported"]),
		Scopes:                   texts(m["scopes_supported"]),
		ResponseTypes:            texts(m["response_types_supported"]),
		Capabilities:             texts(m["capabilities"]),
		CodeChallengeMethods:     texts(m["code_challenge_methods_supported"]),
		TokenEndpointAuthMethods: texts(m["token_endpoint_auth_methods_supported"]),
	}, nil
}
