// Package config reads the settings of the programs: once, at start, validated
// whole, all faults in one error.
//
// A program asks for its own settings with the function named for it, and no other
// setting is looked at: the signer never sees the key of the model provider. Every
// setting has a safe meaning when unset or empty, or the program refuses to start
// and says what is missing. Secrets are of type Secret and cannot be printed.
//
// The package touches neither the process environment nor any SDK; whoever starts
// the program passes the look-up. AWS_REGION, credentials and endpoints are read by
// the AWS SDK itself; of the endpoints the package only notes that there are any.
package config

// Names of the settings, for whoever sets them: the deployment, scripts, tests.
const (
	NameNetuid    = "AFFINE_NETUID"
	NameLogLevel  = "AFFINE_LOG_LEVEL"
	NameEndpoint  = "SUBTENSOR_ENDPOINT"
	NameFallback  = "SUBTENSOR_FALLBACK"
	NameArchive   = "SUBTENSOR_ARCHIVE"
	NameGenesis   = "AFFINE_GENESIS"
	NameEnvs      = "AFFINE_ENVS"
	NameQueues    = "AFFINE_QUEUES"
	NameDLQs      = "AFFINE_DLQS"
	NameTable     = "AFFINE_TABLE"
	NameBucket    = "AFFINE_BUCKET"
	NameWindow    = "AFFINE_WINDOW_BLOCKS"
	NameCruxEval  = "AFFINE_CRUXEVAL"
	NameChutesKey = "CHUTES_API_KEY"
	NameChutesAPI = "CHUTES_API_URL"
	NameInference = "CHUTES_INFERENCE_URL"

	NameAWSEndpoint = "AWS_ENDPOINT_URL"
	NameS3Endpoint  = "AWS_ENDPOINT_URL_S3"

	NameR2Endpoint  = "R2_ENDPOINT"
	NameR2KeyID     = "R2_WRITE_ACCESS_KEY_ID"
	NameR2SecretKey = "R2_WRITE_SECRET_ACCESS_KEY"

	NameDailyRate = "DEFAULT_DAILY_RATE"
	NameMaxDepth  = "AFFINE_MAX_DEPTH"
	NameBlacklist = "AFFINE_MINER_BLACKLIST"

	NameInFlight     = "AFFINE_IN_FLIGHT"
	NamePerMiner     = "AFFINE_PER_MINER"
	NameGiveUp       = "AFFINE_GIVE_UP"
	NameVisibility   = "AFFINE_VISIBILITY_SECONDS"
	NameDrain        = "AFFINE_DRAIN_SECONDS"
	NameFlushCount   = "AFFINE_FLUSH_SAMPLES"
	NameFlushBytes   = "AFFINE_FLUSH_BYTES"
	NameFlushSeconds = "AFFINE_FLUSH_SECONDS"

	NameHotkey         = "AFFINE_HOTKEY"
	NameBurn           = "AFFINE_BURN"
	NameSignerFunction = "AFFINE_SIGNER_FUNCTION"

	NameHotkeySecret  = "AFFINE_HOTKEY_SECRET"
	NameHotkeyKMS     = "AFFINE_HOTKEY_KMS"
	NameHotkeyFile    = "AFFINE_HOTKEY_FILE"
	NameSignerProfile = "AFFINE_SIGNER_PROFILE"
	NameSignatures    = "AFFINE_SIGNATURES"
)

// FinneyGenesis is the hash of finney's block 0: the chain that the signer serves
// unless told otherwise.
const FinneyGenesis = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"
