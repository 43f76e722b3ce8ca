// Passkeys (WebAuthn), between the browser and the desk's calls: to the former bytes are bytes, to the latter they
// are base64url.
import { call, Refusal } from '../shared/api.js';
import { t } from '../shared/words.js';

// How long somebody may look for their key: a challenge works for as long.
const PATIENCE = 300000;

// ES256, EdDSA, RS256 (IANA's numbers of COSE).
const ALGORITHMS = [-7, -8, -257];

const bytesOf = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), letter => letter.charCodeAt(0));
const textOf = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

// A browser has passkeys on a page that nobody can listen to, and for a host that has a name.
export const canHavePasskeys = () => !!window.PublicKeyCredential && !!navigator.credentials && !/^[\d.]+$|^\[/.test(location.hostname);

// What a person reads of what the browser says, which is in words for programmers.
const WORDS = {
	NotAllowedError: 'passkeyCancelled',
	AbortError: 'passkeyCancelled',
	InvalidStateError: 'passkeyThere',
	NotSupportedError: 'passkeyUnsupported',
	ConstraintError: 'passkeyUnsupported',
	SecurityError: 'passkeysNowhere'
};

async function ofBrowser(work) {
	try {
		return await work();
	} catch (failure) {
		throw new Refusal(400, { errorMessage: t(WORDS[failure.name] || 'broken') });
	}
}

export async function addPasskey(label) {
	const { challenge, rpId, user, exclude } = await call('passkey_options');
	const made = await ofBrowser(() => navigator.credentials.create({ publicKey: {
		challenge: bytesOf(challenge),
		rp: { id: rpId, name: t('desk') },
		user: { id: bytesOf(user.id), name: user.name, displayName: user.displayName },
		pubKeyCredParams: ALGORITHMS.map(alg => ({ type: 'public-key', alg })),
		excludeCredentials: exclude.map(id => ({ type: 'public-key', id: bytesOf(id) })),
		authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
		attestation: 'none',
		timeout: PATIENCE
	} }));
	return call('add_passkey', {
		label,
		authenticatorData: textOf(made.response.getAuthenticatorData()),
		clientDataJSON: textOf(made.response.clientDataJSON)
	});
}

// Gives who is signed in then.
export async function signInByPasskey() {
	const { challenge, rpId } = await call('passkey_challenge');
	const { rawId, response } = await ofBrowser(() => navigator.credentials.get({ publicKey: {
		challenge: bytesOf(challenge),
		rpId,
		userVerification: 'required',
		timeout: PATIENCE
	} }));
	await call('passkey_sign_in', {
		credentialId: textOf(rawId),
		userHandle: textOf(response.userHandle || []),
		authenticatorData: textOf(response.authenticatorData),
		clientDataJSON: textOf(response.clientDataJSON),
		signature: textOf(response.signature)
	});
	return call('me');
}

// What a passkey may be called that is made here.
export const nameOfDevice = () => String((navigator.userAgentData && navigator.userAgentData.platform) || navigator.platform || '').slice(0, 50);
