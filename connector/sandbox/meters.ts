import { codeOf, guidOf } from './seeded.js';

/** An Azure meter that usage is billed by. Prices are plain decimal texts in US dollars. */
export interface Meter {
  readonly productId: string;
  readonly skuId: string;
  readonly availabilityId: string;
  readonly meterId: string;
  readonly productName: string;
  readonly skuName: string;
  readonly meterName: string;
  readonly meterType: string;
  readonly category: string;
  readonly subCategory: string;
  readonly unit: string;
  readonly service: string;
  readonly resourceType: string;
  readonly unitPrice: string;
  /** The price really charged where it is not the unit price less partner earned credit. */
  readonly effectiveUnitPrice: string | null;
  /** Whether the 15 % partner earned credit applies. */
  readonly earnsCredit: boolean;
  /** Whether the first days of a month fall into a free price tier. */
  readonly tiered: boolean;
  /** The largest quantity of a day, in millionths. */
  readonly dailyMillionths: number;
}

type MeterKind = 'credit' | 'no credit' | 'tiered';

function meter(
  id: string,
  names: readonly [product: string, sku: string, category: string, subCategory: string],
  unit: string,
  [service, resourceType]: readonly [string, string],
  unitPrice: string,
  dailyMillionths: number,
  kind: MeterKind = 'credit',
  special: { readonly effectiveUnitPrice?: string; readonly meterId?: string } = {},
): Meter {
  const [productName, skuName, category, subCategory] = names;
  return {
    productId: `DZH${codeOf(`product ${id}`, 9)}`,
    skuId: id,
    availabilityId: `DZH${codeOf(`availability ${id}`, 9)}`,
    meterId: special.meterId ?? guidOf(`meter ${id}`),
    productName,
    skuName,
    meterName: skuName,
    meterType: `${unit} - ${skuName}`,
    category,
    subCategory,
    unit,
    service,
    resourceType,
    unitPrice,
    effectiveUnitPrice: special.effectiveUnitPrice ?? null,
    earnsCredit: kind === 'credit',
    tiered: kind === 'tiered',
    dailyMillionths,
  };
}

const VM = ['Microsoft.Compute', 'Microsoft.Compute/virtualMachines'] as const;
const DISK = ['Microsoft.Compute', 'Microsoft.Compute/disks'] as const;
const STORAGE = ['Microsoft.Storage', 'Microsoft.Storage/storageAccounts'] as const;
const SQL = ['Microsoft.Sql', 'Microsoft.Sql/servers/databases'] as const;
const WEB = ['Microsoft.Web', 'Microsoft.Web/serverfarms'] as const;
const LOGS = ['microsoft.operationalinsights', 'Microsoft.OperationalInsights/workspaces'] as const;
const NETWORK = ['Microsoft.Network', 'Microsoft.Network/publicIPAddresses'] as const;
const AI = ['Microsoft.CognitiveServices', 'Microsoft.CognitiveServices/accounts'] as const;

/**
 * The meters that the sandbox's usage is spread over. Two carry Microsoft's own awkward prices: one of 22
 * fractional digits, one so small that Spark writes it with an exponent (api-contract.md 4.1).
 */
export const METERS: readonly Meter[] = [
  meter('006G', ['Tables', 'LRS Data Stored', 'Storage', 'Tables'], '1 GB/Month', STORAGE, '0.045', 900_000),
  meter(
    '0001',
    ['Virtual Machines D Series', 'D2s v5', 'Virtual Machines', 'Dsv5 Series'],
    '1 Hour',
    VM,
    '0.115',
    24_000_000,
  ),
  meter(
    '0002',
    ['Virtual Machines E Series', 'E4s v5', 'Virtual Machines', 'Esv5 Series'],
    '1 Hour',
    VM,
    '0.304',
    24_000_000,
  ),
  meter(
    '0003',
    ['Virtual Machines B Series', 'B2ms', 'Virtual Machines', 'BS Series'],
    '1 Hour',
    VM,
    '0.0832',
    24_000_000,
  ),
  meter(
    '000X',
    ['Virtual Machine Licenses', '1 vCPU VM License', 'Virtual Machine Licenses', 'SLES'],
    '1 Hour',
    VM,
    '0.0209496384791679',
    24_000_000,
    'no credit',
    { meterId: '1core' },
  ),
  meter(
    '0011',
    ['Premium SSD Managed Disks', 'P30 LRS Disk', 'Storage', 'Premium SSD Managed Disks'],
    '1/Month',
    DISK,
    '135.17',
    33_333,
  ),
  meter(
    '0012',
    ['Standard SSD Managed Disks', 'E10 LRS Disk', 'Storage', 'Standard SSD Managed Disks'],
    '1/Month',
    DISK,
    '9.6',
    33_333,
  ),
  meter(
    '0013',
    ['Standard SSD Managed Disks', 'Disk Operations', 'Storage', 'Standard SSD Managed Disks'],
    '10K',
    DISK,
    '0.002',
    4_000_000,
  ),
  meter(
    '001B',
    ['Blob Storage', 'Hot LRS Data Stored', 'Storage', 'Blob Storage'],
    '1 GB/Month',
    STORAGE,
    '0.0184',
    42_000_000,
  ),
  meter(
    '001C',
    ['Blob Storage', 'Hot Read Operations', 'Storage', 'Blob Storage'],
    '10K',
    STORAGE,
    '0.00001',
    900_000_000,
  ),
  meter(
    '001D',
    ['Blob Storage', 'All Other Operations', 'Storage', 'Blob Storage'],
    '10K',
    STORAGE,
    '0.00043',
    250_000_000,
  ),
  meter(
    '0020',
    ['SQL Database Single', 'vCore General Purpose', 'SQL Database', 'Single Standard'],
    '1 Hour',
    SQL,
    '0.1999984',
    48_000_000,
    'no credit',
    { effectiveUnitPrice: '0.1999968000511991808131' },
  ),
  meter(
    '0021',
    ['SQL Database Elastic', 'eDTU', 'SQL Database', 'Elastic Standard'],
    '1/Day',
    SQL,
    '1.2799888920023',
    1_000_000,
  ),
  meter(
    '0030',
    ['Azure App Service Premium v3', 'P1 v3', 'Azure App Service', 'Premium v3 Plan'],
    '1 Hour',
    WEB,
    '0.169',
    24_000_000,
  ),
  meter(
    '0031',
    ['Functions', 'Execution Time', 'Functions', 'Consumption'],
    '1 GB Second',
    WEB,
    '0.000016',
    400_000_000,
    'tiered',
  ),
  meter(
    '0040',
    ['Log Analytics', 'Analytics Logs Data Ingestion', 'Log Analytics', 'Pay-as-you-go'],
    '1 GB',
    LOGS,
    '2.99',
    12_000_000,
    'tiered',
  ),
  meter(
    '0041',
    ['Log Analytics', 'Data Retention', 'Log Analytics', 'Retention'],
    '1 GB/Month',
    LOGS,
    '0.13',
    6_000_000,
  ),
  meter(
    '0050',
    ['IP Addresses', 'Standard IPv4 Static Public IP', 'Virtual Network', 'IP Addresses'],
    '1 Hour',
    NETWORK,
    '0.005',
    24_000_000,
  ),
  meter(
    '0051',
    ['Bandwidth', 'Standard Data Transfer Out', 'Bandwidth', 'Inter-Region'],
    '1 GB',
    NETWORK,
    '0.087',
    30_000_000,
    'tiered',
  ),
  meter(
    '0060',
    ['Azure OpenAI', 'gpt-4o Input Tokens', 'Cognitive Services', 'Azure OpenAI'],
    '1K',
    AI,
    '0.0025',
    800_000_000,
  ),
  meter(
    '0061',
    ['Azure OpenAI', 'gpt-4o Output Tokens', 'Cognitive Services', 'Azure OpenAI'],
    '1K',
    AI,
    '0.01',
    120_000_000,
  ),
  meter(
    '0070',
    ['Key Vault', 'Operations', 'Key Vault', 'Standard'],
    '10K',
    ['Microsoft.KeyVault', 'Microsoft.KeyVault/vaults'],
    '0.03',
    500_000,
  ),
  meter(
    '0080',
    ['Azure Kubernetes Service', 'Uptime SLA', 'Azure Kubernetes Service', 'Standard'],
    '1 Hour',
    ['Microsoft.ContainerService', 'Microsoft.ContainerService/managedClusters'],
    '0.1',
    24_000_000,
  ),
  meter(
    '0090',
    ['Backup', 'Azure VM Protected Instances', 'Backup', 'Standard'],
    '1/Month',
    ['Microsoft.RecoveryServices', 'Microsoft.RecoveryServices/vaults'],
    '8.68',
    33_333,
  ),
];
